package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tailrace/tailrace/api"
)

// client speaks the REST API: over HTTP to a running server, or in process when this command opened the data itself.
type client struct {
	base  string
	token string
	doer  interface {
		Do(*http.Request) (*http.Response, error)
	}
	closer func() error
}

// connect finds or becomes the server, in the order that the package comment gives. Call close when done.
func (c *config) connect(ctx context.Context) (*client, error) {
	if c.Server != "" {
		return &client{base: strings.TrimSuffix(c.Server, "/"), token: c.Token, doer: http.DefaultClient, closer: func() error { return nil }}, nil
	}
	running, ok, err := readRuntime(c.Data)
	if err != nil {
		return nil, err
	}
	if ok {
		return &client{base: running.URL, token: running.Token, doer: http.DefaultClient, closer: func() error { return nil }}, nil
	}
	log, err := c.logger()
	if err != nil {
		return nil, err
	}
	c.local = true
	app, err := openApp(ctx, c, log)
	if err != nil {
		return nil, err
	}
	runCtx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- app.runLocal(runCtx) }()
	return &client{base: "http://in-process", doer: inProcess{app.handler}, closer: func() error {
		cancel()
		if err := <-done; err != nil {
			app.close()
			return err
		}
		return app.close()
	}}, nil
}

func (c *client) close() error { return c.closer() }

// stream makes a request and returns the body of a successful answer; any other becomes an error with its next step.
func (c *client) stream(ctx context.Context, method, path string, query url.Values, in any) (io.ReadCloser, error) {
	var reader io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encoding a request: %w", err)
		}
		reader = bytes.NewReader(raw)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, reader)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.doer.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the server at %s: %w", c.base, err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		return nil, readProblem(res)
	}
	return res.Body, nil
}

// call makes a request and decodes the answer into out, if out is given.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	res, err := c.stream(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer res.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, res)
		return err
	}
	if err := json.NewDecoder(res).Decode(out); err != nil {
		return fmt.Errorf("reading the answer of %s %s: %w", method, path, err)
	}
	return nil
}

func (c *client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

func (c *client) post(ctx context.Context, path string, in, out any) error {
	if in == nil {
		in = struct{}{}
	}
	return c.call(ctx, http.MethodPost, path, nil, in, out)
}

// readProblem turns a refusal into an error that says what to do.
func readProblem(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading a refusal (%s): %w", res.Status, err)
	}
	var p api.Problem
	if json.Unmarshal(raw, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the server answered %s: %s", res.Status, strings.TrimSpace(string(raw)))
	}
	text := p.Detail
	for _, flaw := range p.Errors {
		if flaw.Location != "" && !strings.Contains(text, flaw.Message) {
			text += "\n  " + flaw.Location + ": " + flaw.Message
		}
	}
	if p.Next != "" {
		text += "\n" + p.Next
	}
	return &refusal{Problem: p, text: text}
}

// refusal is a problem document that the server answered.
type refusal struct {
	api.Problem
	text string
}

func (r *refusal) Error() string { return r.text }
