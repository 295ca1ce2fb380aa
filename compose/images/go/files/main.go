// The worker of the program go: an ordinary caller of net/http who asks a web origin for a page.
//
// It is started once and makes one attempt after the other. A request is a JSON object on a line of
// standard input, an answer one on descriptor 3. Every attempt has a transport of its own, made of
// http.DefaultTransport and changed only where the request says so; the standard library of Go 1.19 only.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// What of a request is named is changed; the rest is as the library has it.
type request struct {
	Goal          string   `json:"goal"`
	Host          string   `json:"host"`
	Port          int      `json:"port"`
	TimeoutS      float64  `json:"timeout_s"`
	TLS           bool     `json:"tls"`
	Verify        bool     `json:"verify"`
	CAFile        *string  `json:"ca_file"`
	ServerName    *string  `json:"server_name"`
	Minimum       *string  `json:"minimum"`
	Maximum       *string  `json:"maximum"`
	Suites        []uint16 `json:"suites"`
	Certificate   *string  `json:"certificate"`
	Key           *string  `json:"key"`
	Authorization string   `json:"authorization"`
	KeyLog        bool     `json:"key_log"`
}

type report map[string]any

// The versions by the lab's names, and back.
var versions = map[string]uint16{
	"SSLv3":   tls.VersionSSL30, //nolint:staticcheck // it is asked for, and the library refuses it
	"TLSv1":   tls.VersionTLS10,
	"TLSv1.1": tls.VersionTLS11,
	"TLSv1.2": tls.VersionTLS12,
	"TLSv1.3": tls.VersionTLS13,
}

var errnos = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "ECONNREFUSED",
	syscall.ECONNRESET:   "ECONNRESET",
	syscall.ECONNABORTED: "ECONNABORTED",
	syscall.EPIPE:        "EPIPE",
	syscall.EHOSTUNREACH: "EHOSTUNREACH",
	syscall.ENETUNREACH:  "ENETUNREACH",
	syscall.ETIMEDOUT:    "ETIMEDOUT",
}

var (
	answers = os.NewFile(3, "answers")
	steps   = os.NewFile(4, "steps")
)

func main() {
	// What the first connection of a process opens stays open: it is opened before the worker is ready.
	if connection, err := net.DialTimeout("tcp", "127.0.0.1:1", time.Second); err == nil {
		connection.Close()
	}
	said := map[string]any{"ready": true, "versions": map[string]string{"go": runtime.Version()}}
	tell(answers, said)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			tell(answers, map[string]any{"bad_request": err.Error()})
			continue
		}
		tell(answers, attempt(asked))
	}
}

func tell(to *os.File, message map[string]any) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	if _, err := to.Write(append(line, '\n')); err != nil {
		os.Exit(1)
	}
}

// walk is one attempt: what it has come to, and what was seen on the way.
type walk struct {
	request
	mutex sync.Mutex
	report
	secrets strings.Builder
	open    sync.WaitGroup
}

// closedLimit is how long it is waited for connections of an attempt that is over.
const closedLimit = time.Second

// counted is a connection that says when its descriptor is closed.
type counted struct {
	net.Conn
	once sync.Once
	open *sync.WaitGroup
}

func (one *counted) Close() error {
	err := one.Conn.Close()
	one.once.Do(one.open.Done)
	return err
}

// dial is what a transport dials with whose connections are waited for.
func (one *walk) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialled, err := (&net.Dialer{Timeout: one.limit()}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	one.open.Add(1)
	return &counted{Conn: dialled, open: &one.open}, nil
}

// settle waits until the connections are closed. net/http closes them when it has handed the answer out,
// in a goroutine of its own: a worker that answered before would be found with a descriptor too many.
func (one *walk) settle() {
	closed := make(chan struct{})
	go func() {
		one.open.Wait()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closedLimit):
	}
}

func attempt(asked request) map[string]any {
	one := &walk{request: asked, report: report{"failed": false, "library": "crypto/tls of " + runtime.Version()}}
	config, err := one.config()
	if err != nil {
		return map[string]any{"bad_request": err.Error()}
	}
	started := time.Now()
	one.step("connect")
	if asked.Goal == "handshake" {
		err = one.shakeHands(config)
	} else {
		err = one.ask(config)
	}
	elapsed := time.Since(started)
	one.settle()
	one.mutex.Lock()
	defer one.mutex.Unlock()
	if err != nil {
		one.report["failed"] = true
		// What a caller who prints the error shows.
		one.report["error"] = err.Error()
		one.report["message"] = err.Error()
		one.report["errno"] = symbol(err)
	}
	one.report["elapsed_ms"] = float64(elapsed.Microseconds()) / 1000
	if asked.KeyLog {
		one.report["key_log"] = one.secrets.String()
	}
	return map[string]any{"result": one.report}
}

func (one *walk) step(name string) {
	one.mutex.Lock()
	defer one.mutex.Unlock()
	one.report["step"] = name
	tell(steps, one.report)
}

func (one *walk) limit() time.Duration {
	return time.Duration(one.TimeoutS * float64(time.Second))
}

// config is what a caller writes who wants what the request says; an error is a mistake of the request.
func (one *walk) config() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: !one.Verify}
	if one.ServerName != nil {
		config.ServerName = *one.ServerName
	}
	if one.Minimum != nil {
		config.MinVersion = versions[*one.Minimum]
	}
	if one.Maximum != nil {
		config.MaxVersion = versions[*one.Maximum]
	}
	if one.CAFile != nil {
		text, err := os.ReadFile(*one.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(text)
	}
	if one.Certificate != nil && one.Key != nil {
		own, err := tls.LoadX509KeyPair(*one.Certificate, *one.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	if one.Suites != nil {
		config.CipherSuites = one.Suites
	}
	if one.KeyLog {
		config.KeyLogWriter = &one.secrets
	}
	return config, nil
}

func (one *walk) noteTLS(state tls.ConnectionState) {
	one.mutex.Lock()
	defer one.mutex.Unlock()
	for name, version := range versions {
		if version == state.Version {
			one.report["protocol"] = name
		}
	}
	one.report["suite"] = state.CipherSuite
	one.report["verified"] = len(state.VerifiedChains) > 0
}

// ask sends a request and reads the whole answer.
func (one *walk) ask(config *tls.Config) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.TLSClientConfig = config
	transport.DialContext = one.dial
	transport.TLSHandshakeTimeout = one.limit()
	transport.ResponseHeaderTimeout = one.limit()
	defer transport.CloseIdleConnections()
	scheme := "http"
	if one.TLS {
		scheme = "https"
	}
	trace := &httptrace.ClientTrace{
		TLSHandshakeStart: func() { one.step("handshake") },
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			if err == nil {
				one.noteTLS(state)
			}
		},
		GotConn: func(httptrace.GotConnInfo) { one.step("response") },
	}
	where := fmt.Sprintf("%s://%s/", scheme, net.JoinHostPort(one.Host, fmt.Sprint(one.Port)))
	asked, err := http.NewRequestWithContext(
		httptrace.WithClientTrace(context.Background(), trace), http.MethodGet, where, nil)
	if err != nil {
		return err
	}
	asked.Header.Set("Authorization", one.Authorization)
	asked.Close = true
	answer, err := (&http.Client{Transport: transport}).Do(asked)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	one.mutex.Lock()
	one.report["reply_code"] = answer.StatusCode
	one.report["reply_text"] = http.StatusText(answer.StatusCode)
	one.mutex.Unlock()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return errors.New("HTTP status " + answer.Status)
	}
	return nil
}

// shakeHands connects, shakes hands and leaves. Over TLS 1.3 a server refuses a client's certificate when
// the client has finished: so it is waited for the server's end.
func (one *walk) shakeHands(config *tls.Config) error {
	dialled, err := net.DialTimeout("tcp", net.JoinHostPort(one.Host, fmt.Sprint(one.Port)), one.limit())
	if err != nil {
		return err
	}
	defer dialled.Close()
	if !one.TLS {
		return nil
	}
	one.step("handshake")
	if config.ServerName == "" {
		config.ServerName = one.Host
	}
	if err := dialled.SetDeadline(time.Now().Add(one.limit())); err != nil {
		return err
	}
	connection := tls.Client(dialled, config)
	if err := connection.Handshake(); err != nil {
		return err
	}
	one.noteTLS(connection.ConnectionState())
	if connection.ConnectionState().Version != tls.VersionTLS13 {
		return nil
	}
	if err := dialled.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, connection)
	if err != nil && strings.HasPrefix(err.Error(), "remote error: ") {
		return err
	}
	return nil
}

// symbol is the name of the system's or the resolver's error, if it is one.
func symbol(err error) any {
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		if lookup.IsNotFound {
			return "EAI_NONAME"
		}
		return "EAI_AGAIN"
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		if name, known := errnos[number]; known {
			return name
		}
		return fmt.Sprintf("errno %d", int(number))
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return "ETIMEDOUT"
	}
	return nil
}
