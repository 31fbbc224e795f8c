/* SPDX-License-Identifier: Apache-2.0
 * Where imagenet's images are: class folders, tars of classes, or a flat folder with a list. */
#include "imagenet.h"
#include "nested_tar.h"

static kd_files *source(const kd_set *set) {
    return set->images ? set->images : set->in;
}

/* What follows the folder `split` ("train") in a path; NULL: it is in no such folder. */
static const char *below(const char *path, const char *split) {
    const size_t n = strlen(split);
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, split, n) == 0 && part[n] == '/') {
            return part + n + 1;
        }
    }
    return NULL;
}

/* Bytes of the class in front of a path below the split; 0: it lies in no folder. */
static size_t class_length(const char *path) {
    const size_t n = path ? strcspn(path, "/") : 0;
    return path && path[n] == '/' ? n : 0;
}

/* "n01440764.tar" is the tar of a class: the length of its name without the ending. */
static size_t tar_class_length(const char *path) {
    const char *name = base_name(path), *dot = strrchr(name, '.');
    return dot && dot > name && strcmp(dot, ".tar") == 0 && name[0] == 'n' ? (size_t)(dot - name)
                                                                           : 0;
}

/* Gathers the classes of the folders of a split, and of tars; unless data.classes has chosen. */
static bool gather_classes(kd_set *set, const char *split, bool tars, kd_error *err) {
    for (int64_t i = 0; !set->chosen && i < set->files->count(source(set)); i++) {
        const char *path = set->files->path(source(set), i), *in = below(path, split);
        size_t n = is_jpeg(path) ? class_length(in) : 0;
        if (!n && tars && (n = tar_class_length(path))) {
            in = base_name(path);
        }
        const wnids *w = &set->classes;
        const bool again = n && w->count && strlen(w->id[w->count - 1]) == n &&
                           strncmp(w->id[w->count - 1], in, n) == 0;
        if (n && !again && !wnids_add(&set->classes, in, n, err)) {
            return false;
        }
    }
    wnids_sort(&set->classes);
    return true;
}

typedef struct class_tar {
    kd_set *set;
    int64_t entry;
    int32_t label;
} class_tar;

static bool take_nested(void *context, const char *name, int64_t at, kd_error *err) {
    const class_tar *t = context;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", base_name(t->set->files->path(source(t->set), t->entry)),
             base_name(name));
    const member m = {.name = path, .entry = t->entry, .at = at, .label = t->label};
    return !is_jpeg(name) || add_member(t->set, m, err);
}

bool find_train(kd_set *set, const struct imagenet *c, kd_error *err) {
    if (!gather_classes(set, "train", true, err)) {
        return false;
    }
    for (int64_t i = 0; i < set->files->count(source(set)); i++) {
        const char *path = set->files->path(source(set), i), *in = below(path, "train");
        const size_t folder = is_jpeg(path) ? class_length(in) : 0, tar = tar_class_length(path);
        class_tar t = {set, i, -1};
        t.label = folder ? wnids_find(&set->classes, in, folder)
                  : tar  ? wnids_find(&set->classes, base_name(path), tar)
                         : -1;
        const member m = {.name = (char *)path, .entry = i, .at = -1, .label = t.label};
        if (t.label >= 0 &&
            !(folder ? add_member(set, m, err)
                     : nested_list(set->files, source(set), i, take_nested, &t, err))) {
            return kd_while(err, "%s", c->path);
        }
    }
    return true;
}

char *read_list_file(const kd_files_api *files, const char *path, kd_error *err) {
    kd_files *in = NULL;
    char *text = NULL;
    if (!files->open(path, &in, err)) {
        return NULL;
    }
    if (files->count(in) == 1) {
        text = read_text(files, in, 0, err);
    } else {
        kd_fail(err, KD_E_INVALID, "%s: %lld files, and one list is wanted", path,
                (long long)files->count(in));
        kd_hint(err, "give the file itself, not its folder");
    }
    files->close(in);
    return text;
}

static bool is_flat(const char *path) {
    const char *in = below(path, "val");
    return is_jpeg(path) && !strchr(in ? in : path, '/');
}

static int64_t count_flat(const kd_set *set) {
    int64_t count = 0;
    for (int64_t i = 0; i < set->files->count(source(set)); i++) {
        count += is_flat(set->files->path(source(set), i));
    }
    return count;
}

/* The text of data.val_labels, or of the list that lies with the images. */
static char *read_list(kd_set *set, const struct imagenet *c, const char **ret_name,
                       kd_error *err) {
    *ret_name = "LOC_val_solution.csv";
    if (*c->val_labels) {
        *ret_name = c->val_labels;
        return read_list_file(set->files, c->val_labels, err);
    }
    const int64_t entry = find_name(set->files, set->in, *ret_name);
    if (entry < 0) {
        kd_fail(err, KD_E_INVALID, "%s: validation images without labels", c->path);
        kd_hint(err,
                "set data.val_labels to LOC_val_solution.csv, or to a file with one WordNet id "
                "a line in the order of the images; or sort them into class folders");
        return NULL;
    }
    return read_text(set->files, set->in, entry, err);
}

/* The class of each image of a list, by the classes of the list itself. */
static bool parse_list(const char *text, const char *name, wnids *all, image_list *ret,
                       kd_error *err) {
    const size_t first = strcspn(text, "\r\n"), id = strspn(text, "n0123456789");
    if (text[0] == 'n' && id == first && first > 1) { /* ids in the order of the images */
        return wnids_read(all, text, err);
    }
    if (!memchr(text, ',', first)) {
        kd_fail(err, KD_E_INVALID, "%s: neither 'ImageId,PredictionString' nor WordNet ids", name);
        return kd_hint(err, "numbers of the devkit's ground truth mean nothing without meta.mat; "
                            "bring LOC_val_solution.csv or a file with one WordNet id a line");
    }
    if (!image_list_ids(all, ',', 1, text, err)) {
        return false;
    }
    wnids_sort(all);
    return image_list_read(ret, all, ',', 1, text, name, err);
}

static bool add_flat(kd_set *set, int64_t entry, const wnids *all, const image_list *list,
                     int64_t nth, const char *name, kd_error *err) {
    const char *path = set->files->path(source(set), entry);
    const int32_t of = list->count ? image_list_find(list, path) : (int32_t)nth;
    if (of < 0) {
        kd_fail(err, KD_E_DATA, "'%s' has no line in %s", path, name);
        return kd_hint(err, "the list is cut short, or not of these images");
    }
    const char *id = all->id[of];
    const int32_t label = wnids_find(&set->classes, id, strlen(id));
    const member m = {.name = (char *)path, .entry = entry, .at = -1, .label = label};
    return add_member(set, m, err);
}

static bool find_flat(kd_set *set, const struct imagenet *c, int64_t flat, kd_error *err) {
    wnids all = {0};
    image_list list = {0};
    const char *name;
    char *text = read_list(set, c, &name, err);
    bool good = text && parse_list(text, name, &all, &list, err);
    const int64_t lines = list.count ? list.count : all.count;
    if (good && lines != flat) {
        kd_fail(err, KD_E_DATA, "%s: %s has %lld lines for %lld images", c->path, name,
                (long long)lines, (long long)flat);
        good = kd_hint(err, "some images or lines are missing: unpack or fetch them again");
    }
    for (int32_t i = 0; good && !set->chosen && i < all.count; i++) {
        good = wnids_add(&set->classes, all.id[i], strlen(all.id[i]), err);
    }
    wnids_sort(&set->classes);
    int64_t nth = 0;
    for (int64_t i = 0; good && i < set->files->count(source(set)); i++) {
        if (is_flat(set->files->path(source(set), i))) {
            good = add_flat(set, i, &all, &list, nth++, name, err);
        }
    }
    free(text);
    image_list_free(&list);
    wnids_free(&all);
    return good;
}

bool find_val(kd_set *set, const struct imagenet *c, kd_error *err) {
    const int64_t flat = count_flat(set);
    if (flat) {
        return find_flat(set, c, flat, err);
    }
    if (!gather_classes(set, "val", false, err)) {
        return false;
    }
    for (int64_t i = 0; i < set->files->count(source(set)); i++) {
        const char *path = set->files->path(source(set), i), *in = below(path, "val");
        const size_t n = is_jpeg(path) ? class_length(in) : 0;
        const member m = {.name = (char *)path,
                          .entry = i,
                          .at = -1,
                          .label = n ? wnids_find(&set->classes, in, n) : -1};
        if (!add_member(set, m, err)) {
            return false;
        }
    }
    return true;
}
