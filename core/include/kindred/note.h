/* SPDX-License-Identifier: Apache-2.0
 * What a plugin is, in an ELF note: the host lists, describes, validates a configuration against
 * and refuses a plugin from the note alone, before any of its code runs.
 *
 *     struct simclr { double temperature; int hidden; };
 *     KD_PLUGIN(METHOD, "simclr", "1.0.0", struct simclr, "contrast two views", "arXiv 2002.05709")
 *     KD_FLOAT(struct simclr, temperature, 0.1, 1e-3, 10, "divides cosine similarities")
 *     KD_INT(struct simclr, hidden, 2048, 1, 65536, "width of the hidden layer")
 *
 * These records are the only copy of the option schema: the host fills the plugin's config struct
 * from the YAML by each record's offset and size, after checking both against the struct's size.
 * Records live in section .note.kindred, owner "kindred", aligned to 4 bytes, without pointers;
 * each is a fixed part followed by NUL-ended texts, addressed by their offset from the end of
 * `size` bytes. Unknown record types are skipped. */
#ifndef KINDRED_NOTE_H
#define KINDRED_NOTE_H

#include <kindred/abi.h>

#define KD_NOTE_OWNER "kindred"
#define KD_NOTE_PLUGIN 0x4b440001u
#define KD_NOTE_OPTION 0x4b440002u
#define KD_NOTE_OP 0x4b440003u

#define KD_KIND_METHOD 1
#define KD_KIND_BACKBONE 2
#define KD_KIND_DATASET 3
#define KD_KIND_EVAL 4
#define KD_KIND_DEVICE 5

typedef struct kd_note_plugin {
    uint32_t size; /* of this fixed part */
    uint16_t abi_major, abi_minor;
    uint16_t min_host_minor, reserved;
    uint32_t kind;
    uint32_t config_size; /* of the struct that the options fill */
    /* Text offsets. isa: "" or "x86-64-v3"; among files of one id and version the best that this
     * CPU has wins. */
    uint32_t id, version, summary, source, license, isa;
} kd_note_plugin;

/* An option's C type: bool, int, double, const char *, kd_floats, kd_ints. */
#define KD_OPTION_BOOL 1
#define KD_OPTION_INT 2
#define KD_OPTION_FLOAT 3
#define KD_OPTION_TEXT 4   /* const char *, never NULL; lives as long as the plugin's instance */
#define KD_OPTION_PATH 5   /* as text; relative to the working directory */
#define KD_OPTION_CHOICE 6 /* int: the index of the word in `choices` */
#define KD_OPTION_FLOATS 7
#define KD_OPTION_INTS 8

#define KD_OPTION_REQUIRED 1u /* has no default */

typedef struct kd_note_option {
    uint32_t size;
    uint32_t order; /* options are shown in this order */
    uint32_t type, flags;
    uint32_t offset, field_size;
    /* Text offsets. value, min and max are YAML scalars (a list for lists); choices "a|b|c". */
    uint32_t name, value, min, max, choices, help;
} kd_note_option;

/* An op that the plugin brings (kindred/custom_ops.h). */
typedef struct kd_note_op {
    uint32_t size;
    uint32_t order;
    /* Text offsets. devices: the words of its kernels, spaces between. */
    uint32_t name, devices, help;
} kd_note_op;

typedef struct kd_floats {
    int64_t count;
    const double *value;
} kd_floats;

typedef struct kd_ints {
    int64_t count;
    const int64_t *value;
} kd_ints;

#if defined(__has_attribute)
#if __has_attribute(retain)
#define KD_RETAIN __attribute__((retain))
#endif
#endif
#ifndef KD_RETAIN
#define KD_RETAIN
#endif

#define KD_JOIN6(a, b, c, d, e, f) a "\0" b "\0" c "\0" d "\0" e "\0" f

#define KD_NOTE_RECORD(type, number, texts, ...)                                                   \
    KD_RETAIN __attribute__((used, section(".note.kindred"), aligned(4))) static const struct {    \
        uint32_t owner_size, record_size, record_type;                                             \
        char owner[8];                                                                             \
        type record;                                                                               \
        char text[(sizeof(texts) + 3) / 4 * 4];                                                    \
    } KD_CONCAT(kd_note_, __COUNTER__) = {8,                                                       \
                                          sizeof(type) + (sizeof(texts) + 3) / 4 * 4,              \
                                          number,                                                  \
                                          KD_NOTE_OWNER,                                           \
                                          {__VA_ARGS__},                                           \
                                          texts};

/* The instruction set that a build needs beyond the baseline: the build system's to say. */
#ifndef KD_ISA
#define KD_ISA ""
#endif
#ifndef KD_LICENSE
#define KD_LICENSE "Apache-2.0"
#endif

/* Declares the plugin of this file. kind: METHOD, BACKBONE, DATASET, EVAL or DEVICE; config: the
 * struct that the options below fill; source: paper and equation, or the official code. */
#define KD_PLUGIN(kind_, id_, version_, config_, summary_, source_)                                \
    KD_NOTE_RECORD(kd_note_plugin, KD_NOTE_PLUGIN,                                                 \
                   KD_JOIN6(id_, version_, summary_, source_, KD_LICENSE, KD_ISA),                 \
                   .size = sizeof(kd_note_plugin), .abi_major = KD_ABI_MAJOR,                      \
                   .abi_minor = KD_ABI_MINOR, .min_host_minor = KD_MIN_HOST_MINOR,                 \
                   .kind = KD_KIND_##kind_, .config_size = sizeof(config_), .id = 0,               \
                   .version = sizeof(id_), .summary = sizeof(id_) + sizeof(version_),              \
                   .source = sizeof(id_) + sizeof(version_) + sizeof(summary_),                    \
                   .license = sizeof(id_) + sizeof(version_) + sizeof(summary_) + sizeof(source_), \
                   .isa = sizeof(id_) + sizeof(version_) + sizeof(summary_) + sizeof(source_) +    \
                          sizeof(KD_LICENSE))                                                      \
    enum { kd_this_kind = KD_KIND_##kind_ };                                                       \
    static const char kd_this_id[] = id_, kd_this_version[] = version_;

#define KD_OPTION_RECORD(config_, field_, type_, flags_, value_, min_, max_, choices_, help_)      \
    KD_NOTE_RECORD(                                                                                \
        kd_note_option, KD_NOTE_OPTION, KD_JOIN6(#field_, value_, min_, max_, choices_, help_),    \
        .size = sizeof(kd_note_option), .order = __LINE__, .type = (type_), .flags = (flags_),     \
        .offset = offsetof(config_, field_), .field_size = sizeof(((config_ *)0)->field_),         \
        .name = 0, .value = sizeof(#field_), .min = sizeof(#field_) + sizeof(value_),              \
        .max = sizeof(#field_) + sizeof(value_) + sizeof(min_),                                    \
        .choices = sizeof(#field_) + sizeof(value_) + sizeof(min_) + sizeof(max_),                 \
        .help = sizeof(#field_) + sizeof(value_) + sizeof(min_) + sizeof(max_) + sizeof(choices_))
#define KD_FIELD_IS(config_, field_, type_)                                                        \
    _Static_assert(_Generic(((config_ *)0)->field_, type_ : 1, default : 0),                       \
                   #field_ " must be declared as " #type_);

/* Declares an op: "label::word", the devices it has kernels for, what it computes. */
#define KD_CUSTOM_OP(name_, devices_, help_)                                                       \
    KD_NOTE_RECORD(kd_note_op, KD_NOTE_OP, name_ "\0" devices_ "\0" help_,                         \
                   .size = sizeof(kd_note_op), .order = __LINE__, .name = 0,                       \
                   .devices = sizeof(name_), .help = sizeof(name_) + sizeof(devices_))

/* One configuration key each: the field of `config`, its default, its inclusive range, its help. */
#define KD_BOOL(config, field, value, help)                                                        \
    KD_FIELD_IS(config, field, bool)                                                               \
    KD_OPTION_RECORD(config, field, KD_OPTION_BOOL, 0, #value, "", "", "", help)
#define KD_INT(config, field, value, min, max, help)                                               \
    KD_FIELD_IS(config, field, int)                                                                \
    KD_OPTION_RECORD(config, field, KD_OPTION_INT, 0, #value, #min, #max, "", help)
#define KD_FLOAT(config, field, value, min, max, help)                                             \
    KD_FIELD_IS(config, field, double)                                                             \
    KD_OPTION_RECORD(config, field, KD_OPTION_FLOAT, 0, #value, #min, #max, "", help)
#define KD_TEXT(config, field, value, help)                                                        \
    KD_FIELD_IS(config, field, const char *)                                                       \
    KD_OPTION_RECORD(config, field, KD_OPTION_TEXT, 0, value, "", "", "", help)
#define KD_PATH(config, field, value, help)                                                        \
    KD_FIELD_IS(config, field, const char *)                                                       \
    KD_OPTION_RECORD(config, field, KD_OPTION_PATH, 0, value, "", "", "", help)
#define KD_REQUIRED_PATH(config, field, help)                                                      \
    KD_FIELD_IS(config, field, const char *)                                                       \
    KD_OPTION_RECORD(config, field, KD_OPTION_PATH, KD_OPTION_REQUIRED, "", "", "", "", help)
#define KD_CHOICE(config, field, value, choices, help)                                             \
    KD_FIELD_IS(config, field, int)                                                                \
    KD_OPTION_RECORD(config, field, KD_OPTION_CHOICE, 0, value, "", "", choices, help)
/* A list; min and max bound each element. value: "[0.1, 1]". */
#define KD_FLOATS(config, field, value, min, max, help)                                            \
    KD_FIELD_IS(config, field, kd_floats)                                                          \
    KD_OPTION_RECORD(config, field, KD_OPTION_FLOATS, 0, value, #min, #max, "", help)
#define KD_INTS(config, field, value, min, max, help)                                              \
    KD_FIELD_IS(config, field, kd_ints)                                                            \
    KD_OPTION_RECORD(config, field, KD_OPTION_INTS, 0, value, #min, #max, "", help)

#endif
