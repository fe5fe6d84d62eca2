// forward LISTEN NETNS TARGET accepts connections in the namespace it was started in and dials TARGET inside the network
// namespace NETNS, for example: forward 127.0.0.1:16443 /run/netns/mdep-cp 127.0.0.1:6443
// It is the only way into a cluster, whose namespaces have no link to the outside.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"syscall"
)

const sysSetns = 308 // linux/amd64

// dialIn dials from an operating-system thread that has joined the namespace. The goroutine ends while it is still
// locked to that thread, so the runtime destroys the thread and nothing else ever runs inside the namespace.
func dialIn(namespace, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	answer := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked, see above
		conn, err := dialHere(namespace, address)
		answer <- result{conn, err}
	}()
	r := <-answer
	return r.conn, r.err
}

func dialHere(namespace, address string) (net.Conn, error) {
	file, err := os.Open(namespace)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, _, errno := syscall.RawSyscall(sysSetns, file.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
		return nil, fmt.Errorf("join %s: %w", namespace, errno)
	}
	return net.Dial("tcp", address) // a numeric address: the socket is made on this very thread
}

func serve(in net.Conn, namespace, address string) {
	defer in.Close()
	out, err := dialIn(namespace, address)
	if err != nil {
		log.Print(err)
		return
	}
	defer out.Close()
	go func() {
		io.Copy(out, in)
		out.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(in, out)
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: forward LISTEN NETNS TARGET")
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		in, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(in, os.Args[2], os.Args[3])
	}
}
