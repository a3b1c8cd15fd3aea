#include "analytics/code_kinds.h"

/* Grammars that use a name alike. */
enum family {
    MARKUP = 1 << TS_CODE_HTML,
    STYLES = 1 << TS_CODE_CSS,
    SCRIPTS = 1 << TS_CODE_JAVASCRIPT | 1 << TS_CODE_TYPESCRIPT | 1 << TS_CODE_TSX,
    ALL = MARKUP | STYLES | SCRIPTS,
};

static const struct {
    const char *name;
    enum family family;
    enum ts_code_kind kind;
} kinds[] = {
    {"ERROR", ALL, TS_CODE_KIND_ERROR},

    /* an end tag that nothing opened */
    {"erroneous_end_tag", MARKUP, TS_CODE_KIND_ERROR},
    {"element", MARKUP, TS_CODE_KIND_ELEMENT},
    {"start_tag", MARKUP, TS_CODE_KIND_TAG},
    {"self_closing_tag", MARKUP, TS_CODE_KIND_TAG},
    {"attribute", MARKUP, TS_CODE_KIND_ATTRIBUTE},
    {"script_element", MARKUP, TS_CODE_KIND_SCRIPT},
    {"style_element", MARKUP, TS_CODE_KIND_STYLE},
    {"raw_text", MARKUP, TS_CODE_KIND_RAW},

    {"block", STYLES, TS_CODE_KIND_BLOCK},
    {"keyframe_block_list", STYLES, TS_CODE_KIND_BLOCK},

    {"function_declaration", SCRIPTS, TS_CODE_KIND_FUNCTION},
    {"function_expression", SCRIPTS, TS_CODE_KIND_FUNCTION},
    {"generator_function", SCRIPTS, TS_CODE_KIND_FUNCTION},
    {"generator_function_declaration", SCRIPTS, TS_CODE_KIND_FUNCTION},
    {"arrow_function", SCRIPTS, TS_CODE_KIND_FUNCTION},
    {"method_definition", SCRIPTS, TS_CODE_KIND_FUNCTION},
    {"if_statement", SCRIPTS, TS_CODE_KIND_IF},
    {"else_clause", SCRIPTS, TS_CODE_KIND_ELSE},
    {"switch_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"for_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"for_in_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"while_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"do_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"try_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"with_statement", SCRIPTS, TS_CODE_KIND_BLOCK},
    {"jsx_element", SCRIPTS, TS_CODE_KIND_ELEMENT},
    {"jsx_opening_element", SCRIPTS, TS_CODE_KIND_TAG},
    {"jsx_self_closing_element", SCRIPTS, TS_CODE_KIND_LONE_TAG},
    {"jsx_attribute", SCRIPTS, TS_CODE_KIND_ATTRIBUTE},
    {"jsx_expression", SCRIPTS, TS_CODE_KIND_BRACES},
};

enum ts_code_kind ts_code_kind_of(enum ts_code_language l, const char *name)
{
    for (size_t i = 0; i < TS_ARRAY_LEN(kinds); i++) {
        if (((unsigned)kinds[i].family & 1U << (unsigned)l) != 0 &&
            strcmp(kinds[i].name, name) == 0)
            return kinds[i].kind;
    }
    return TS_CODE_KIND_PLAIN;
}
