/* SPDX-License-Identifier: Apache-2.0
 * Escaping, the page's shell, and images inside of it. */
#include "base/file.h"
#include "data_kit.h"
#include "report/thumbnail.h"

#include <sodium.h>
#include <stdlib.h>

static void expect_escaped(const char *text, const char *want) {
    html h = {0};
    html_text(&h, "%s", text);
    EXPECT_TEXT(h.text ? h.text : "", want);
    html_free(&h);
}

TEST(html, escapes) {
    expect_escaped("a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c&#39;");
    expect_escaped("&amp;", "&amp;amp;");
    expect_escaped("tab\tline\nend", "tab\tline\nend");
    expect_escaped("\x01 \x1b[0m", "\xef\xbf\xbd \xef\xbf\xbd[0m");
    expect_escaped("", "");
}

TEST(html, keeps_utf8_and_replaces_what_is_none) {
#define BAD "\xef\xbf\xbd"
    expect_escaped("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88",
                   "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x88");
    expect_escaped("\xff", BAD);
    expect_escaped("a\xc3", "a" BAD);                    /* cut short */
    expect_escaped("\xe2\x82", BAD BAD);                 /* likewise, and nothing is read behind */
    expect_escaped("\xc0\xbc", BAD BAD);                 /* '<', longer than it needs to be */
    expect_escaped("\xed\xa0\x80", BAD BAD BAD);         /* half of a surrogate pair */
    expect_escaped("\xf4\x90\x80\x80", BAD BAD BAD BAD); /* beyond U+10FFFF */
    expect_escaped("\xef\xbf\xbe", BAD);                 /* U+FFFE is no character of XML */
    expect_escaped("\xe2<", BAD "&lt;");
}

TEST(html, markup_is_as_it_is_and_grows) {
    html h = {0};
    for (int i = 0; i < 10000; i++) {
        html_markup(&h, "<b>%d</b>", i % 10);
    }
    cr_assert_eq(h.bytes, 80000);
    cr_assert_eq(strlen(h.text), h.bytes);
    cr_assert(strncmp(h.text, "<b>0</b><b>1</b>", 16) == 0);
    html_free(&h);
    cr_assert(h.text == NULL && h.bytes == 0);
}

/* A page that names another host would load from it. */
TEST(html, page_needs_nothing_else) {
    html h = {0};
    html_begin(&h, "<run> & co");
    html_end(&h);
    EXPECT_IN("<title>&lt;run&gt; &amp; co</title>", h.text);
    EXPECT_IN("viewport", h.text);
    EXPECT_IN("prefers-color-scheme: dark", h.text);
    cr_assert(!strstr(h.text, "http") && !strstr(h.text, "//") && !strstr(h.text, "@import"));
    cr_assert(!strstr(h.text, "url("));
    html_free(&h);
}

TEST(html, is_written_whole) {
    kit k;
    kd_error err = KD_ERROR_INIT;
    html h = {0};
    char *back = NULL;
    size_t bytes = 0;
    kit_init(&k);
    html_begin(&h, "t");
    html_end(&h);
    EXPECT_GOOD(html_write(&h, kit_path(&k, "a.html"), &err), err);
    EXPECT_GOOD(file_read(kit_path(&k, "a.html"), 0, &back, &bytes, &err), err);
    cr_assert(bytes == h.bytes && memcmp(back, h.text, bytes) == 0);
    cr_assert_not(html_write(&h, kit_path(&k, "none/a.html"), &err));
    EXPECT_IN("none/a.html", err.message);
    free(back);
    html_free(&h);
    kit_finish(&k);
}

/* The image behind a data URI of that type. */
static image decode_uri(const char *uri, const char *head) {
    cr_assert(strncmp(uri, head, strlen(head)) == 0, "%.40s", uri);
    const char *text = uri + strlen(head);
    const size_t room = strlen(text);
    unsigned char *data = malloc(room);
    size_t bytes = 0;
    image back = {0};
    kd_error err = KD_ERROR_INIT;
    cr_assert_eq(sodium_base642bin(data, room, text, room, NULL, &bytes, NULL,
                                   sodium_base64_VARIANT_ORIGINAL),
                 0);
    EXPECT_GOOD(image_decode(data, bytes, 0, &back, &err), err);
    free(data);
    return back;
}

static void expect_thumbnail(int height, int width, int channels, const char *head, int to_height,
                             int to_width, double most) {
    kit k;
    kit_init(&k);
    kd_error err = KD_ERROR_INIT;
    const image from = kit_picture(&k, height, width, channels, 3);
    char *uri = NULL;
    EXPECT_GOOD(thumbnail_encode(&from, &uri, &err), err);
    image back = decode_uri(uri, head);
    cr_assert(back.height == to_height && back.width == to_width && back.channels == channels,
              "%d x %d x %d", back.height, back.width, back.channels);
    if (height == to_height) {
        cr_assert_leq(kit_difference(&from, &back), most);
    }
    free(back.pixels);
    free(uri);
    kit_finish(&k);
}

TEST(thumbnail, small_ones_keep_every_pixel) {
    static const char head[] = "data:image/png;base64,";
    expect_thumbnail(7, 5, 3, head, 7, 5, 0);
    expect_thumbnail(1, 1, 1, head, 1, 1, 0);
    expect_thumbnail(64, 64, 3, head, 64, 64, 0);
}

/* 6 of 255: what a JPEG of quality 85 may change a smooth picture by, on average. */
TEST(thumbnail, large_ones_are_small_jpegs) {
    static const char head[] = "data:image/jpeg;base64,";
    expect_thumbnail(65, 20, 3, head, 65, 20, 6);
    expect_thumbnail(100, 128, 1, head, 100, 128, 6);
    expect_thumbnail(200, 400, 3, head, 64, 128, 0);
    expect_thumbnail(2, 1000, 3, head, 1, 128, 0); /* never thinner than a pixel */
}

TEST(thumbnail, img_has_escaped_words) {
    kit k;
    kit_init(&k);
    kd_error err = KD_ERROR_INIT;
    html h = {0};
    const image from = kit_picture(&k, 4, 4, 3, 1);
    EXPECT_GOOD(thumbnail_write(&h, &from, "a \"cat\"", &err), err);
    EXPECT_IN("alt=\"a &quot;cat&quot;\" title=\"a &quot;cat&quot;\"/>", h.text);
    html_free(&h);
    kit_finish(&k);
}
