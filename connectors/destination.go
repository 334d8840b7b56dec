package connectors

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"
)

const defaultTimeout = 30 * time.Second

// Options of a destination.
type Options struct {
	Name       string // the destination's name in the project; budgets are shared by Credential
	Credential string // what shares budgets; empty: Name
	Connector  Connector
	Config     any // from DecodeConfig
	Sandbox    bool
	HTTP       *Transport
	Limiter    Limiter
	Now        func() time.Time
	Rand       func() uint64
	// RequestsPerSecond and Concurrency of the destination's file replace what
	// the connector declares for the vendor's smallest plan; 0 keeps it.
	RequestsPerSecond float64
	Concurrency       int
	// MaxWait bounds how long Send waits for a budget before it hands back
	// Outcome.NotBefore; zero means 20 s. The context's deadline bounds it too.
	MaxWait time.Duration
	// Observe, if set, is told of each request: the answer's status (0: none came) and how long it took.
	Observe func(status int, took time.Duration)
	// Store keeps what a Refresher returned; nil if nothing is refreshed.
	Store func(ctx context.Context, refreshed map[string]Secret) error
}

// Destination wraps a Writer with all policy. It is safe for concurrent use.
type Destination struct {
	o         Options
	connector Connector
	writer    Writer
	redact    *redactor
	budgets   []Budget
	timeout   time.Duration

	refreshing sync.Mutex
	refreshed  time.Time
}

// Open makes a destination. It does no I/O.
func Open(o Options) (*Destination, error) {
	if o.HTTP == nil || o.Limiter == nil || o.Now == nil {
		return nil, errors.New("opening a destination: transport, limiter and clock are required")
	}
	if o.Rand == nil {
		o.Rand = rand.Uint64
	}
	if o.Credential == "" {
		o.Credential = o.Name
	}
	if o.MaxWait == 0 {
		o.MaxWait = 20 * time.Second
	}
	if o.Sandbox {
		a, ok := o.Config.(Addressed)
		if !ok || o.Connector.Standin == nil {
			return nil, fmt.Errorf("opening %s: connector %s has no stand-in", o.Name, o.Connector.Name)
		}
		a.SetAddress("http://" + StandinHost(o.Connector.Name))
	}
	c := o.Connector
	if c.Adjust != nil {
		c = c.Adjust(c, o.Config)
	}
	d := &Destination{o: o, connector: c, redact: newRedactor(hidden(c, o.Config)), timeout: c.Timeout}
	d.redact.hidePath = c.SecretURL
	if d.timeout == 0 {
		d.timeout = defaultTimeout
	}
	d.budgets = budgets(c.Budget, o.RequestsPerSecond, o.Concurrency)
	w, err := c.Open(o.Config, Env{HTTP: o.HTTP, Now: o.Now, Rand: o.Rand})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %s", o.Name, d.redact.words(err.Error(), nil))
	}
	d.writer = w
	return d, nil
}

// hidden are the texts that never leave: the config's secrets and, where the
// address is one, its path.
func hidden(c Connector, cfg any) map[string]Secret {
	out := Secrets(cfg)
	a, ok := cfg.(Addressed)
	if !c.SecretURL || !ok {
		return out
	}
	if u, err := url.Parse(a.Address()); err == nil && len(u.RequestURI()) >= 8 {
		out["base_url"] = NewSecret(u.RequestURI())
	}
	return out
}

// budgets are the connector's, with the rate and concurrency that the
// destination's file sets instead.
func budgets(declared []Budget, rate float64, concurrency int) []Budget {
	out := slices.Clone(declared)
	if len(out) == 0 {
		out = []Budget{{Name: "requests", Burst: 1}}
	}
	for i := range out {
		if rate > 0 {
			out[i].Rate, out[i].Burst = rate, max(1, int(rate))
		}
		if concurrency > 0 {
			out[i].Concurrency = concurrency
		}
	}
	return out
}

// Connector is the connector as this destination's config makes it.
func (d *Destination) Connector() Connector { return d.connector }

// Name is the destination's name.
func (d *Destination) Name() string { return d.o.Name }

// Standin reports whether requests go to a stand-in in this process.
func (d *Destination) Standin() bool { return d.o.Sandbox }

// InFlight is how many requests may be on their way at once; zero means any number.
func (d *Destination) InFlight() int {
	least := 0
	for _, b := range d.budgets {
		if b.Concurrency > 0 && (least == 0 || b.Concurrency < least) {
			least = b.Concurrency
		}
	}
	return least
}

// Timeout bounds one Write, so an intent's deadline is at most now + Timeout.
func (d *Destination) Timeout() time.Duration { return d.timeout }

// Spec returns the spec of an action of an object, as configured.
func (d *Destination) Spec(object string, a Action) (Object, Spec, error) {
	o, ok := d.connector.Object(object)
	if !ok {
		return Object{}, Spec{}, fmt.Errorf("connector %s has no object %q", d.connector.Name, object)
	}
	s, ok := o.Actions[a]
	if !ok {
		return Object{}, Spec{}, fmt.Errorf("object %q of connector %s can't %s", object, d.connector.Name, a)
	}
	return o, s, nil
}

// Cutter makes a cutter for batches like head (action, object, target, sync;
// its rows are ignored).
func (d *Destination) Cutter(head Batch) (*Cutter, error) {
	o, s, err := d.Spec(head.Object, head.Action)
	if err != nil {
		return nil, err
	}
	head.Rows = nil
	c := &Cutter{head: head, object: o, spec: s.When(head.Erase), frame: 1024}
	if sizer, ok := d.writer.(Sizer); ok {
		c.sizer, c.frame = sizer, sizer.FrameSize(head)
	}
	return c, nil
}

// Check returns the rows of a batch that can never be sent, by index, and an
// error if the batch contradicts the definition. It sends nothing.
func (d *Destination) Check(b Batch) (map[int]*RowError, error) {
	o, s, err := d.Spec(b.Object, b.Action)
	if err != nil {
		return nil, err
	}
	problems, err := checkBatch(o, s, b)
	if err != nil {
		return nil, err
	}
	c, err := d.Cutter(b)
	if err != nil {
		return nil, err
	}
	for i, r := range b.Rows {
		if p, ok := c.tooLarge(r, c.rowSize(r)).(*RowError); ok && problems[i] == nil {
			problems[i] = p
		}
	}
	return problems, nil
}

func (d *Destination) key(b Budget) string {
	return "budget:" + d.connector.Name + ":" + d.o.Credential + ":" + b.Name
}

// Permit is a place in the budgets for one request, taken before the intent
// is written. Release it when it isn't used.
type Permit struct {
	d       *Destination
	release func()
}

// Release gives the place back; it may be called after Send too.
func (p *Permit) Release() {
	if p != nil {
		p.release()
	}
}

// Reserve takes a place in all budgets, waiting within MaxWait and the
// context's deadline. If that isn't long enough the permit is nil and the
// time is when to ask again.
func (d *Destination) Reserve(ctx context.Context) (*Permit, time.Time, error) {
	started := d.o.Now()
	for {
		wait, release, err := d.take(ctx)
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("taking from the budget of %s: %w", d.o.Name, err)
		}
		if release != nil {
			return &Permit{d: d, release: release}, time.Time{}, nil
		}
		now := d.o.Now()
		until := now.Add(wait)
		deadline, has := ctx.Deadline()
		if until.Sub(started) > d.o.MaxWait || (has && time.Until(deadline) < wait+d.timeout) {
			return nil, until, nil
		}
		if err := pause(ctx, wait); err != nil {
			return nil, until, err
		}
	}
}

func (d *Destination) take(ctx context.Context) (time.Duration, func(), error) {
	var releases []func()
	all := func() {
		for _, r := range releases {
			r()
		}
	}
	for _, b := range d.budgets {
		wait, release, err := d.o.Limiter.Take(ctx, d.key(b), b)
		if err != nil || release == nil {
			all()
			return max(wait, time.Millisecond), nil, err
		}
		releases = append(releases, release)
	}
	return 0, all, nil
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// flight prepares the recording of one operation. Its first paid requests are
// free: the permit stands for them; reads before the changing request pay for
// themselves.
func (d *Destination) flight(paid int, answerBytes int64) *flight {
	if answerBytes == 0 {
		answerBytes = defaultAnswerBytes
	}
	f := &flight{redact: d.redact, answerBytes: answerBytes, now: d.o.Now, observe: d.o.Observe}
	var mu sync.Mutex
	f.pay = func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if paid > 0 {
			paid--
			return nil
		}
		for {
			wait, release, err := d.takeRate(ctx)
			if err != nil {
				return &CallError{Do: Wait, Scope: ScopeAccount, Code: "budget", Err: err}
			}
			if release != nil {
				release()
				return nil
			}
			if deadline, has := ctx.Deadline(); has && time.Until(deadline) < wait {
				return &CallError{Do: Wait, Scope: ScopeAccount, Code: "budget", Wait: wait, Words: "the rate budget is used up"}
			}
			if err := pause(ctx, wait); err != nil {
				return &CallError{Do: Wait, Code: "cancelled", Err: err}
			}
		}
	}
	return f
}

// takeRate is take without the count of requests in flight: the permit that
// this operation holds already counts.
func (d *Destination) takeRate(ctx context.Context) (time.Duration, func(), error) {
	for _, b := range d.budgets {
		b.Concurrency = 0
		wait, release, err := d.o.Limiter.Take(ctx, d.key(b), b)
		if err != nil || release == nil {
			return max(wait, time.Millisecond), nil, err
		}
		release()
	}
	return 0, func() {}, nil
}

// standinOf reports whether an answer came from a stand-in.
func standinOf(xs []Exchange) bool {
	return slices.ContainsFunc(xs, func(x Exchange) bool { return x.Standin != "" })
}
