/*
 * The head of an answer: what the handler gave, and what every answer carries.
 */
#ifndef TS_SERVER_ANSWER_H
#define TS_SERVER_ANSWER_H

#include "server/request.h"

/* Adds the headers to a response; false without memory. */
TS_NODISCARD bool ts_answer_head(struct MHD_Response *response,
                                 const struct ts_request *r,
                                 const struct ts_head *head);

/* An answer without a body; NULL without memory. */
struct MHD_Response *ts_answer_nothing(void);

/* The answer to a CORS preflight that the guard allowed. */
struct MHD_Response *ts_answer_preflight(const struct ts_request *r);

#endif
