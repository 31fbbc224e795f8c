/* SPDX-License-Identifier: Apache-2.0
 * Completion for bash, zsh and fish: commands, those of groups, and the options of each. */
#include "cli/write_completion.h"

#include "cli/command_groups.h"

#include <string.h>

/* The word of a command that comes last: "list" of "plugin list". */
static const char *last_word(const command *c) {
    const char *space = strrchr(c->name, ' ');
    return space ? space + 1 : c->name;
}

static void print_names(const command *first) {
    for (const command *c = first; c->name; c++) {
        printf("%s ", last_word(c));
    }
}

static void print_group_names(void) {
    for (const command_group *g = command_groups; g->name; g++) {
        printf("%s ", g->name);
    }
}

/* The next option in a help text, "  --name"; its length in *ret_length. NULL: none. */
static const char *next_option(const char *help, int *ret_length) {
    const char *found = strstr(help, "\n  --");
    *ret_length = found ? (int)strcspn(found + 5, " \n=") : 0;
    return found ? found + 5 : NULL;
}

static void print_case(const command *c) {
    int length;
    printf("        '%s') options='", c->name);
    for (const char *at = c->help; (at = next_option(at, &length));) {
        printf("--%.*s ", length, at);
    }
    printf("--help' ;;\n");
}

static void print_cases(void) {
    for (const command *c = commands; c->name; c++) {
        print_case(c);
    }
    for (const command_group *g = command_groups; g->name; g++) {
        for (const command *c = g->commands; c->name; c++) {
            print_case(c);
        }
    }
}

static const char bash_beginning[] =
    "# bash completion for kindred\n"
    "_kindred() {\n"
    "    local now=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[1]} options= commands=\n"
    "    local first=2\n"
    "    case $name in\n";

void print_bash(void) {
    fputs(bash_beginning, stdout);
    for (const command_group *g = command_groups; g->name; g++) {
        printf("        %s) commands='", g->name);
        print_names(g->commands);
        printf("' ;;\n");
    }
    printf("    esac\n"
           "    if [[ $commands ]] && ((COMP_CWORD > 2)); then\n"
           "        name=\"$name ${COMP_WORDS[2]}\"\n"
           "        first=3\n"
           "    fi\n"
           "    if ((COMP_CWORD == 1)); then\n        options='");
    print_names(commands);
    print_group_names();
    printf("--help --version'\n"
           "    elif ((COMP_CWORD == 2)) && [[ $commands ]]; then\n"
           "        options=\"$commands --help\"\n"
           "    elif [[ $now = -* ]] && ((COMP_CWORD >= first)); then\n"
           "        case $name in\n");
    print_cases();
    printf("        esac\n    fi\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$now\")\n}\n"
           "complete -o default -F _kindred kindred\n");
}

/* A text within single quotes: a quote in it is written as `escape`. */
static void print_within_quotes(const char *text, const char *escape) {
    for (; *text; text++) {
        fputs(*text == '\'' ? escape : (const char[]){*text, 0}, stdout);
    }
}

static void print_zsh_entry(const char *name, const char *summary) {
    printf("        '%s:", name);
    print_within_quotes(summary, "'\\''");
    printf("'\n");
}

static void print_zsh_entries(const command *first) {
    for (const command *c = first; c->name; c++) {
        print_zsh_entry(last_word(c), c->summary);
    }
}

void print_zsh(void) {
    printf("#compdef kindred\n# zsh completion for kindred\n"
           "local name=$words[2] options\nlocal -a commands\ncommands=(\n");
    print_zsh_entries(commands);
    for (const command_group *g = command_groups; g->name; g++) {
        print_zsh_entry(g->name, g->summary);
    }
    printf(")\nif ((CURRENT == 2)); then\n    _describe command commands\n    return\nfi\n"
           "commands=()\ncase $name in\n");
    for (const command_group *g = command_groups; g->name; g++) {
        printf("    %s) commands=(\n", g->name);
        print_zsh_entries(g->commands);
        printf("    ) ;;\n");
    }
    printf("esac\nif (($#commands)); then\n    if ((CURRENT == 3)); then\n"
           "        _describe command commands\n        return\n    fi\n"
           "    name=\"$name $words[3]\"\nfi\n"
           "if [[ $words[CURRENT] = -* ]]; then\n    case $name in\n");
    print_cases();
    printf("    esac\n    compadd -- ${=options}\nelse\n    _files\nfi\n");
}

/* A word that may come, where the condition holds. */
static void print_fish_word(const char *condition, const char *word, const char *summary) {
    printf("complete -c kindred -f -n '%s' -a '%s' -d '", condition, word);
    print_within_quotes(summary, "\\'");
    printf("'\n");
}

static void print_fish_options(const command *c, const char *condition) {
    int length;
    for (const char *at = c->help; (at = next_option(at, &length));) {
        printf("complete -c kindred -n '%s' -l '%.*s'\n", condition, length, at);
    }
}

static void print_fish_group(const command_group *g) {
    char condition[1024], seen[512];
    size_t used = (size_t)snprintf(condition, sizeof condition,
                                   "__fish_seen_subcommand_from %s; and not "
                                   "__fish_seen_subcommand_from",
                                   g->name);
    for (const command *c = g->commands; c->name && used < sizeof condition; c++) {
        used += (size_t)snprintf(condition + used, sizeof condition - used, " %s", last_word(c));
    }
    for (const command *c = g->commands; c->name; c++) {
        print_fish_word(condition, last_word(c), c->summary);
        snprintf(seen, sizeof seen,
                 "__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s", g->name,
                 last_word(c));
        print_fish_options(c, seen);
    }
}

void print_fish(void) {
    char seen[512];
    printf("# fish completion for kindred\n");
    for (const command *c = commands; c->name; c++) {
        print_fish_word("__fish_use_subcommand", c->name, c->summary);
        snprintf(seen, sizeof seen, "contains -- %s (commandline -opc)[2]", c->name);
        print_fish_options(c, seen);
    }
    for (const command_group *g = command_groups; g->name; g++) {
        print_fish_word("__fish_use_subcommand", g->name, g->summary);
        print_fish_group(g);
    }
}
