/* SPDX-License-Identifier: Apache-2.0
 * TEST(suite, name): a Criterion test that also fails when its body leaks.
 *
 * LeakSanitizer on its own prints and lets the test pass. */
#ifndef TESTS_LEAKS_H
#define TESTS_LEAKS_H

#include <criterion/criterion.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define EXPECT_NO_LEAKS() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "leaks")

/* gcc 12's runtime guesses where the thread-local memory of a dlopened library begins, guesses
 * wrong for libdnnl, and crashes in the leak check. Read by the runtime; ASAN_OPTIONS goes before
 * it. */
const char *__asan_default_options(void);
__attribute__((weak)) const char *__asan_default_options(void) {
    return "intercept_tls_get_addr=0";
}
#else
#define EXPECT_NO_LEAKS() ((void)0)
#endif

#define TEST(suite, name)                                                                          \
    static void suite##_##name(void);                                                              \
    Test(suite, name) {                                                                            \
        suite##_##name();                                                                          \
        EXPECT_NO_LEAKS();                                                                         \
    }                                                                                              \
    static void suite##_##name(void)

#endif
