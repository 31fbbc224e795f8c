/* SPDX-License-Identifier: Apache-2.0
 * One connection at a time, one request each; see http_server.h. */
#include "http_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_all(int to, const char *data, size_t bytes) {
    for (size_t put = 0; put < bytes;) {
        const ssize_t n = send(to, data + put, bytes - put, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the client has gone */
        }
        put += (size_t)n;
    }
}

static void send_page(int to, int status, const char *header) {
    static const char page[] = "<html>this is no data</html>";
    char text[512];
    const int n = snprintf(text, sizeof text,
                           "HTTP/1.1 %d Test\r\nContent-Type: text/html; charset=utf-8\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n%s\r\n",
                           status, sizeof page - 1, header);
    send_all(to, text, (size_t)n);
    send_all(to, page, sizeof page - 1);
}

static void send_file(const http_server *s, int to) {
    char text[512], range[128] = "";
    const bool part = s->range >= 0 && !s->no_ranges;
    const size_t first = part ? (size_t)s->range + s->wrong_range : 0;
    if (first >= s->bytes && part) {
        snprintf(range, sizeof range, "Content-Range: bytes */%zu\r\n", s->bytes);
        send_page(to, 416, range);
        return;
    }
    if (part) {
        snprintf(range, sizeof range, "Content-Range: bytes %zu-%zu/%zu\r\n", first, s->bytes - 1,
                 s->bytes);
    }
    const int n = snprintf(text, sizeof text,
                           "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                           part ? "206 Partial Content" : "200 OK", s->bytes - first, range);
    send_all(to, text, (size_t)n);
    const size_t left = s->bytes - first;
    send_all(to, s->data + first, s->cut_after && s->cut_after < left ? s->cut_after : left);
    if (s->stalls) {
        (void)!recv(to, text, sizeof text, 0);
    }
}

static void answer(http_server *s, int to) {
    char request[4096] = "";
    size_t used = 0;
    while (!strstr(request, "\r\n\r\n") && used < sizeof request - 1) {
        const ssize_t n = recv(to, request + used, sizeof request - 1 - used, 0);
        if (n <= 0) {
            return;
        }
        used += (size_t)n;
        request[used] = 0;
    }
    const char *range = strstr(request, "\r\nRange: bytes=");
    s->requests++;
    s->range = range ? atoll(range + strlen("\r\nRange: bytes=")) : -1;
    s->path[0] = 0;
    sscanf(request, "GET %255s", s->path);
    if (s->redirects && strncmp(s->path, "/moved", 6) != 0) {
        char header[320];
        snprintf(header, sizeof header, "Location: /moved%s\r\n", s->path);
        send_page(to, 302, header);
    } else if (s->status) {
        send_page(to, s->status, "");
    } else {
        send_file(s, to);
    }
}

static void *serve(void *context) {
    http_server *s = context;
    for (int to; (to = accept(s->listener, NULL, NULL)) >= 0;) {
        answer(s, to);
        shutdown(to, SHUT_WR);
        close(to);
    }
    return NULL;
}

void http_start(http_server *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(s->listener >= 0 &&
              bind(s->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(s->listener, 8) == 0 &&
              getsockname(s->listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    cr_assert_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

void http_stop(http_server *s) {
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}
