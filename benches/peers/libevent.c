/* An echo on one event base of libevent, with its buffered events: what a server
 * written as libevent's own book writes one costs for a request.
 *
 *     cc -O2 -o libevent libevent.c -levent
 *     ./libevent PORT
 *
 * With --version it prints that of the library. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Moves what came to what goes, without a copy. */
static void on_read(struct bufferevent *client, void *unused) {
    (void)unused;
    evbuffer_add_buffer(bufferevent_get_output(client), bufferevent_get_input(client));
}

static void on_end(struct bufferevent *client, short why, void *unused) {
    (void)unused;
    if (why & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(client);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket,
                      struct sockaddr *peer, int length, void *unused) {
    (void)peer, (void)length, (void)unused;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct bufferevent *client = bufferevent_socket_new(
        evconnlistener_get_base(listener), socket, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, on_read, NULL, on_end, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "--version")) return printf("libevent %s\n", event_get_version()) < 0;
    int port = count == 2 ? atoi(words[1]) : 0;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "usage: libevent PORT, from 1 to 65535\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct event_base *base = event_base_new();
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                1024, (struct sockaddr *)&at, sizeof at);
    if (!listener) {
        perror("libevent: cannot listen");
        return 1;
    }
    return event_base_dispatch(base) < 0;
}
