package main

import (
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/tailrace/tailrace/api"
)

// localIdentity is who a command in process is: whoever may open the data folder is an admin of it.
var localIdentity = api.Identity{ID: "local", Name: "command line", Role: api.Admin}

// inProcess answers requests with a handler of this process, streaming as a connection would: a handler that breaks
// off makes the body end with an error, never short.
type inProcess struct{ handler http.Handler }

func (p inProcess) Do(r *http.Request) (*http.Response, error) {
	r = r.Clone(api.WithIdentity(r.Context(), localIdentity))
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, w := io.Pipe()
	answer := &pipedAnswer{header: http.Header{}, body: w, begun: make(chan struct{})}
	go func() {
		defer func() {
			answer.WriteHeader(http.StatusOK)
			if broken := recover(); broken != nil {
				w.CloseWithError(fmt.Errorf("the answer broke off: %v", broken))
				return
			}
			w.Close()
		}()
		p.handler.ServeHTTP(answer, r)
	}()
	<-answer.begun
	return &http.Response{Status: http.StatusText(answer.status), StatusCode: answer.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.sent, Body: body, ContentLength: -1, Request: r}, nil
}

// pipedAnswer is the writer's end of an answer in process.
type pipedAnswer struct {
	header, sent http.Header
	status       int
	body         *io.PipeWriter
	once         sync.Once
	begun        chan struct{}
}

func (a *pipedAnswer) Header() http.Header { return a.header }

func (a *pipedAnswer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	})
}

func (a *pipedAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// Flush does nothing: a pipe holds nothing back.
func (a *pipedAnswer) Flush() { a.WriteHeader(http.StatusOK) }
