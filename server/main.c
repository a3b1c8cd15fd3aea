#include "server/commands.h"

int main(int argc, char **argv)
{
    return ts_commands_main(argc, argv);
}
