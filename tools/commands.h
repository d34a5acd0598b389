/* The commands of mica. Each takes the arguments from its own name on and returns the exit code. */
#ifndef MICA_TOOLS_COMMANDS_H
#define MICA_TOOLS_COMMANDS_H

int cmd_encode(int argc, char **argv);
int cmd_decode(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_model(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif
