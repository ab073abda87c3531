// The echo server that libevent leads to, as the texts that this project grew
// from have it: one event base, a bufferevent for each connection, and what its
// input buffer holds is moved to its output buffer.
//
//	libevent PORT
//	libevent --version
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The backlog of our own listeners.
enum { BACKLOG = 4096 };

static void answer(struct bufferevent *connection, void *unused) {
    (void)unused;
    bufferevent_write_buffer(connection, bufferevent_get_input(connection));
}

// The end of the input, or an error. What is still unsent is lost: enough for a
// client that has all its answers, and less than our own servers do.
static void end(struct bufferevent *connection, short what, void *unused) {
    (void)what;
    (void)unused;
    bufferevent_free(connection);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t socket,
                     struct sockaddr *peer, int length, void *base) {
    (void)listener;
    (void)peer;
    (void)length;
    struct bufferevent *connection =
        bufferevent_socket_new(base, socket, BEV_OPT_CLOSE_ON_FREE);
    if (!connection) {
        evutil_closesocket(socket);
        return;
    }
    bufferevent_setcb(connection, answer, NULL, end, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        printf("libevent %s\n", event_get_version());
        return 0;
    }
    const int port = count == 2 ? atoi(words[1]) : 0;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "usage: libevent PORT | libevent --version\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (!base || !evconnlistener_new_bind(base, accepted, base,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, BACKLOG,
                                          (struct sockaddr *)&address, sizeof address)) {
        perror("libevent: cannot listen");
        return 1;
    }
    return event_base_dispatch(base) < 0;
}
