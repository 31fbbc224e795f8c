/* SPDX-License-Identifier: Apache-2.0
 * Files that include others: what wins, where it was written, and what never ends. */
#include "base/file.h"
#include "config/config.h"

#include "leaks.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* In a temporary folder of its own, which is left and removed by end_files. */
static void write_files(const char *const *files, char folder[32]) {
    kd_error err = KD_ERROR_INIT;
    strcpy(folder, "/tmp/kindred-config-XXXXXX");
    cr_assert(mkdtemp(folder) && chdir(folder) == 0);
    cr_assert(file_make_directories("sub", &err));
    for (; files[0]; files += 2) {
        cr_assert(file_write(files[0], files[1], strlen(files[1]), &err), "%s", err.message);
    }
}

static void end_files(const char *folder) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(chdir("/") == 0 && file_remove_tree(folder, &err), "%s", err.message);
}

static void expect_value(const config *c, const char *path, const char *value, const char *where) {
    char copy[64], *rest = strcpy(copy, path), *part;
    const config_node *at = config_root(c);
    const char *text = "";
    kd_error err = KD_ERROR_INIT;
    while ((part = strsep(&rest, "."))) {
        at = config_kind(at) == CONFIG_LIST ? config_item(at, part[0] - '0')
                                            : config_child(at, part);
    }
    cr_assert(config_get_text(at, &text, &err), "%s: %s", path, err.message);
    cr_assert_str_eq(text, value, "%s is %s", path, text);
    cr_assert_str_eq(config_where(at), where);
    cr_assert_str_eq(config_path(at), path);
}

TEST(config, includes_merge_maps_and_keep_places) {
    static const char *const files[] = {
        "run.yaml",
        "include: [sub/base.yaml, sub/more.yaml]\nseed: 1\nmethod:\n  hidden: 3\nlist: [7]\n",
        "sub/base.yaml",
        "part: {plugin: a, x: 1}\nsame: {plugin: b, x: 1}\nseed: 5\nmethod: {hidden: 4, crop: 1, "
        "deep: {a: 1}}\nlist: [8, 9]\nname: base\n",
        "sub/more.yaml",
        "part: {plugin: b, y: 2}\nsame: {plugin: b, y: 2}\nname: more\nmethod:\n  deep: {include: "
        "part.yaml, b: 2}\n",
        "sub/part.yaml",
        "b: 3\nc: 4\n",
        NULL};
    static const char *const overrides[] = {"method.crop=2"};
    char folder[32];
    kd_error err = KD_ERROR_INIT;
    write_files(files, folder);
    config *c = config_load("run.yaml", overrides, 1, &err);
    cr_assert(c != NULL, "%s", err.message);
    expect_value(c, "seed", "1", "run.yaml:2:7");
    expect_value(c, "method.hidden", "3", "run.yaml:4:11");
    expect_value(c, "method.crop", "2", "command line: method.crop=2");
    expect_value(c, "method.deep.a", "1", "sub/base.yaml:4:40");
    expect_value(c, "method.deep.b", "2", "sub/more.yaml:5:33");
    expect_value(c, "method.deep.c", "4", "sub/part.yaml:2:4");
    expect_value(c, "name", "more", "sub/more.yaml:3:7");
    expect_value(c, "list.0", "7", "run.yaml:5:8");
    cr_assert_eq(config_count(config_child(config_root(c), "list")), 1);
    cr_assert_null(config_child(config_root(c), "include"));
    /* Files of the outermost level are the document's own; what stands inside of it is not. */
    const config_node *method = config_child(config_root(c), "method");
    const config_node *deep = config_child(method, "deep");
    cr_assert(config_is_own(config_child(config_root(c), "name")));
    cr_assert(config_is_own(config_child(method, "crop")));
    cr_assert(config_is_own(config_child(deep, "b")) && !config_is_own(config_child(deep, "c")));
    cr_assert(!config_is_own(NULL));
    cr_assert_eq(config_count(config_root(c)), 6);
    /* What is of another plugin does not stay. */
    expect_value(c, "part.y", "2", "sub/more.yaml:1:22");
    cr_assert_eq(config_count(config_child(config_root(c), "part")), 2);
    cr_assert_eq(config_count(config_child(config_root(c), "same")), 3);
    config_destroy(c);
    end_files(folder);
}

/* On one level with the `include:` as on any other: `x` and `deep` are a's. */
TEST(config, another_plugin_takes_nothing_of_what_it_includes) {
    static const char *const files[] = {
        "run.yaml",
        "other: {include: a.yaml, plugin: b, y: 2}\nsame: {include: a.yaml, plugin: a, y: 2}\n"
        "none: {include: a.yaml, y: 2}\nlast: {include: [a.yaml, sub/b.yaml]}\n",
        "a.yaml",
        "plugin: a\nx: 1\ndeep: {z: 3}\n",
        "sub/b.yaml",
        "plugin: b\n",
        NULL};
    char folder[32];
    kd_error err = KD_ERROR_INIT;
    write_files(files, folder);
    config *c = config_load("run.yaml", NULL, 0, &err);
    cr_assert(c != NULL, "%s", err.message);
    cr_assert_eq(config_count(config_child(config_root(c), "other")), 2);
    expect_value(c, "other.plugin", "b", "run.yaml:1:34");
    expect_value(c, "other.y", "2", "run.yaml:1:40");
    cr_assert_eq(config_count(config_child(config_root(c), "same")), 4);
    expect_value(c, "same.deep.z", "3", "a.yaml:3:11");
    cr_assert_eq(config_count(config_child(config_root(c), "none")), 4);
    expect_value(c, "none.plugin", "a", "a.yaml:1:9");
    cr_assert_eq(config_count(config_child(config_root(c), "last")), 1);
    expect_value(c, "last.plugin", "b", "sub/b.yaml:1:9");
    config_destroy(c);
    end_files(folder);
}

TEST(config, what_includes_without_end_is_refused) {
    char folder[32];
    static const char *const own[] = {"run.yaml", "a: {include: ./run.yaml}\n", NULL};
    kd_error err = KD_ERROR_INIT;
    write_files(own, folder);
    cr_assert_null(config_load("run.yaml", NULL, 0, &err));
    cr_assert_str_eq(err.message, "run.yaml:1:14: a.include: run.yaml includes itself");
    for (int i = 0; i < 20; i++) { /* no circle, but a long way */
        char name[32], text[64];
        snprintf(name, sizeof name, "%d.yaml", i);
        snprintf(text, sizeof text, "include: %d.yaml\n", i + 1);
        cr_assert(file_write(name, text, strlen(text), &err));
    }
    cr_assert_null(config_load("0.yaml", NULL, 0, &err));
    cr_assert_str_eq(err.message,
                     "16.yaml:1:10: include: files include one another more than 16 deep");
    cr_assert_eq(mkfifo("pipe", 0666), 0);
    cr_assert_null(config_load_text("x", "include: pipe", 13, NULL, 0, &err));
    cr_assert_str_eq(err.message, "x:1:10: include: pipe: not a file");
    end_files(folder);
}
