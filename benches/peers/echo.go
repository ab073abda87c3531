// The echo server that Go's own documentation leads to: a goroutine for each
// connection, blocking reads and writes, the runtime's poller beneath.
//
//	echo PORT WORKERS
//
// WORKERS becomes GOMAXPROCS: how many threads run goroutines at once.
package main

import (
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
)

// As much as our own servers read at once.
const bufferBytes = 16 << 10

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: echo PORT WORKERS")
	}
	workers, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	runtime.GOMAXPROCS(workers)
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", os.Args[1]))
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(connection)
	}
}

// serve returns what it reads, until the client has no more.
func serve(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, bufferBytes)
	for {
		n, err := connection.Read(buffer)
		if _, failed := connection.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}
