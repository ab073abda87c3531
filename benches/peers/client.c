// A second load generator, to hold `lab load` against. It shares nothing with
// it: another language, a closed loop and no other, one clock reading before
// each send and one after each answer, and every latency kept and sorted.
//
//	client [options] PORT REQUEST ANSWER
//
// REQUEST and ANSWER are text with \r \n \\ \xHH. In an answer, \? is any byte: the
// time of day in a head changes, its length does not. Prints one line of JSON;
// exits with 1 if an answer was wrong or a connection failed, with 2 if it could
// not begin.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    unsigned char *bytes;
    bool *any; // Which bytes may be anything.
    size_t length;
} Text;

typedef struct {
    int fd;
    uint64_t sent_ns; // When the request that is not yet answered was sent.
    size_t got;       // Bytes of its answer.
    bool served;
} Connection;

typedef struct { uint64_t *ns; size_t count, room; } Samples;

static Text request, answer;
static uint64_t errors;

static void fail(const char *what) {
    fprintf(stderr, "client: %s: %s\n", what, errno ? strerror(errno) : "not understood");
    exit(2);
}

static uint64_t read_clock(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) fail("a clock");
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

static void append(Text *text, unsigned char byte, bool any) {
    text->bytes = realloc(text->bytes, text->length + 1);
    text->any = realloc(text->any, text->length + 1);
    if (!text->bytes || !text->any) fail("memory");
    text->bytes[text->length] = byte;
    text->any[text->length++] = any;
}

static Text read_text(const char *from) {
    Text text = {0};
    for (; *from; from++) {
        if (*from != '\\') {
            append(&text, (unsigned char)*from, false);
            continue;
        }
        char hex[3] = {0};
        switch (*++from) {
        case 'r': append(&text, '\r', false); break;
        case 'n': append(&text, '\n', false); break;
        case '\\': append(&text, '\\', false); break;
        case '?': append(&text, 0, true); break;
        case 'x':
            memcpy(hex, from + 1, strnlen(from + 1, 2));
            if (strlen(hex) < 2) fail("\\x needs two digits");
            append(&text, (unsigned char)strtoul(hex, NULL, 16), false);
            from += 2;
            break;
        default: fail("an escape other than \\r \\n \\\\ \\? \\xHH");
        }
    }
    return text;
}

static int dial(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) fail("TCP_NODELAY");
    return fd;
}

static bool differs(const Text *expected, size_t from, const unsigned char *bytes, size_t count) {
    if (from + count > expected->length) return true;
    for (size_t i = 0; i < count; i++)
        if (!expected->any[from + i] && expected->bytes[from + i] != bytes[i]) return true;
    return false;
}

// One exchange before the others, on a connection of its own.
static void prepare(uint16_t port, Text send, Text expect) {
    unsigned char buffer[65536];
    int fd = dial(port);
    if (write(fd, send.bytes, send.length) != (ssize_t)send.length) fail("prepare: write");
    for (size_t got = 0; got < expect.length;) {
        ssize_t count = read(fd, buffer, sizeof buffer);
        errno = count > 0 ? 0 : errno;
        if (count <= 0 || differs(&expect, got, buffer, (size_t)count)) fail("prepare: the answer");
        got += (size_t)count;
    }
    close(fd);
}

static void end(Connection *connection) {
    errors++;
    close(connection->fd);
    connection->fd = -1;
}

static void send_request(Connection *connection) {
    connection->got = 0;
    connection->sent_ns = now();
    // A request is far smaller than a socket's buffer: it goes whole, or not at all.
    ssize_t sent = send(connection->fd, request.bytes, request.length, MSG_NOSIGNAL);
    if (sent != (ssize_t)request.length) end(connection);
}

static void keep(Samples *samples, uint64_t ns) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 1 << 16;
        samples->ns = realloc(samples->ns, samples->room * sizeof *samples->ns);
        if (!samples->ns) fail("memory");
    }
    samples->ns[samples->count++] = ns;
}

// Reads what is there; a whole answer is sampled if `samples` are taken, and
// the next request sent.
static void receive(Connection *connection, Samples *samples) {
    unsigned char buffer[65536];
    ssize_t count = read(connection->fd, buffer, sizeof buffer);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || differs(&answer, connection->got, buffer, (size_t)count)) {
        end(connection);
        return;
    }
    connection->got += (size_t)count;
    if (connection->got < answer.length) return;
    uint64_t latency = now() - connection->sent_ns;
    connection->served = true;
    if (samples) keep(samples, latency);
    send_request(connection);
}

// Drives all connections until the clock says `until`.
static void drive(int epoll, uint64_t until, Samples *samples) {
    struct epoll_event ready[256];
    for (uint64_t time; (time = now()) < until;) {
        int left_ms = (int)((until - time) / 1000000);
        int count = epoll_wait(epoll, ready, 256, left_ms);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < count; i++) receive(ready[i].data.ptr, samples);
    }
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// The smallest sample that at least a share of all do not exceed.
static double percentile_us(const Samples *samples, double share) {
    if (samples->count == 0) return 0;
    size_t rank = (size_t)(share * (double)samples->count);
    if ((double)rank < share * (double)samples->count) rank++;
    return (double)samples->ns[rank ? rank - 1 : 0] / 1e3;
}

static long number(const char *text) {
    char *rest;
    errno = 0;
    long value = strtol(text, &rest, 10);
    if (*rest || errno || value < 0) fail(text);
    return value;
}

int main(int argc, char **argv) {
    long pid = 0, connections = 64, warmup_ms = 300, window_ms = 700;
    const char *prepare_send = NULL, *prepare_expect = "";
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        const char *name = argv[at] + 2, *value = argv[at + 1];
        if (strcmp(name, "pid") == 0) pid = number(value);
        else if (strcmp(name, "connections") == 0) connections = number(value);
        else if (strcmp(name, "warmup") == 0) warmup_ms = number(value);
        else if (strcmp(name, "window") == 0) window_ms = number(value);
        else if (strcmp(name, "prepare-send") == 0) prepare_send = value;
        else if (strcmp(name, "prepare-expect") == 0) prepare_expect = value;
        else fail(name);
    }
    if (argc - at != 3) fail("client [--pid PID] [--connections N] [--warmup MS] [--window MS] "
                             "[--prepare-send TEXT --prepare-expect TEXT] PORT REQUEST ANSWER");
    uint16_t port = (uint16_t)number(argv[at]);
    request = read_text(argv[at + 1]);
    answer = read_text(argv[at + 2]);
    if (answer.length == 0) fail("an answer has bytes");
    clockid_t server = CLOCK_MONOTONIC;
    if (pid && (errno = clock_getcpuclockid((pid_t)pid, &server)) != 0) fail("--pid");
    if (prepare_send) prepare(port, read_text(prepare_send), read_text(prepare_expect));

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    Connection *all = calloc((size_t)connections, sizeof *all);
    if (epoll < 0 || !all) fail("epoll");
    for (long i = 0; i < connections; i++) {
        all[i].fd = dial(port);
        // Edges: what is told by level goes back into the queue of those who are
        // ready, and is asked again out of turn, which alone makes the p99 of a
        // closed loop half as long again.
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &all[i]};
        if (fcntl(all[i].fd, F_SETFL, O_NONBLOCK) != 0) fail("O_NONBLOCK");
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event) != 0) fail("epoll_ctl");
    }
    for (long i = 0; i < connections; i++) send_request(&all[i]);
    drive(epoll, now() + (uint64_t)warmup_ms * 1000000, NULL);

    Samples samples = {0};
    uint64_t server_ns = read_clock(server), own_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t begin = now();
    drive(epoll, begin + (uint64_t)window_ms * 1000000, &samples);
    double seconds = (double)(now() - begin) / 1e9;
    double server_seconds = pid ? (double)(read_clock(server) - server_ns) / 1e9 : 0;
    double own_seconds = (double)(read_clock(CLOCK_PROCESS_CPUTIME_ID) - own_ns) / 1e9;

    long served = 0;
    for (long i = 0; i < connections; i++) served += all[i].served;
    if (samples.count) qsort(samples.ns, samples.count, sizeof *samples.ns, by_size);
    double answered = (double)samples.count;
    printf("{\"answered\":%zu,\"served\":%ld,\"errors\":%lu,\"seconds\":%.6f,"
           "\"requests_per_second\":%.1f,\"server_cpu_seconds\":%.6f,"
           "\"requests_per_server_cpu_second\":%.1f,\"client_cpu_seconds\":%.6f,"
           "\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f}\n",
           samples.count, served, (unsigned long)errors, seconds, answered / seconds,
           server_seconds, server_seconds > 0 ? answered / server_seconds : 0, own_seconds,
           percentile_us(&samples, 0.5), percentile_us(&samples, 0.99), percentile_us(&samples, 0.999));
    return errors ? 1 : 0;
}
