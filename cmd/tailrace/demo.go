package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/tailrace/tailrace/api"
	"github.com/tailrace/tailrace/audiences"
	"github.com/tailrace/tailrace/project"
	"github.com/tailrace/tailrace/sql"
	"github.com/tailrace/tailrace/syncs"
)

// demoOptions say what the demo plays.
type demoOptions struct {
	example string
	once    bool
	seed    uint64
	people  int
	rate    float64 // live visits a second
}

func demoCommand(c *config) *cobra.Command {
	o := demoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a business's traffic through the whole path, on embedded engines and stand-ins",
		Long: `Writes an example project into a fresh folder, starts everything embedded, sends months of seeded traffic through the
collector's HTTP API, materializes the traits and audiences, syncs them to stand-ins for the vendors and a webhook, and prints
what happened. Then it keeps running with live traffic until you stop it. The examples:

` + exampleList(played) + `

Nothing leaves this machine: the stand-ins imitate the vendors (rate limits, errors of single rows) in process.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("data") && os.Getenv("TAILRACE_DATA") == "" {
				c.Data = filepath.Join(".tailrace", "demo")
			}
			if !cmd.Flags().Changed("addr") {
				c.Addr = env("TAILRACE_ADDR", "") // serve's default isn't the demo's
			}
			return c.demo(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	exampleFlag(cmd, &o.example, played)
	f.BoolVar(&o.once, "once", false, "end after the first round")
	f.Uint64Var(&o.seed, "seed", 1, "the same seed plays the same traffic")
	f.IntVar(&o.people, "people", 600, "how many people take part")
	f.Float64Var(&o.rate, "rate", 2, "live visits a second")
	f.StringVar(&c.Addr, "addr", env("TAILRACE_ADDR", ""), "address to listen on (default 127.0.0.1:8080, or any free port)")
	return cmd
}

// demo owns its data folder: what a former demo left there is removed.
func (c *config) demo(ctx context.Context, out, errs io.Writer, o demoOptions) (err error) {
	example, err := sql.ExampleNamed(o.example)
	if err != nil {
		return err
	}
	newPlay := plays[example.Name]
	if newPlay == nil {
		return fmt.Errorf("the example %s has no traffic to play: tailrace init --example %s writes it", example.Name, example.Name)
	}
	if err := clearDemo(c.Data); err != nil {
		return err
	}
	c.Project = filepath.Join(c.Data, example.Name)
	if _, err := writeProject(c.Project, example); err != nil {
		return err
	}
	c.Warehouse, c.Redis, c.Database, c.Prefix = "", "", "tailrace", "" // everything embedded, whatever the environment says
	log, err := c.logger()
	if err != nil {
		return err
	}
	listener, err := listenDemo(c.Addr)
	if err != nil {
		return err
	}
	c.Addr = listener.Addr().String()
	a, err := openApp(ctx, c, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	a.listener = listener
	firstRound := make(chan struct{})
	a.hold = firstRound // the first round is played step by step; after it, audiences and syncs follow by themselves
	serving, stop := context.WithCancel(ctx)
	server, tokens := &background{done: make(chan struct{})}, make(chan string, 1)
	go server.run(func() error { return a.serve(serving, func(secret string) { tokens <- secret }) })
	defer func() {
		stop()
		<-server.done
		err = errors.Join(err, server.err)
	}()
	cl := &client{base: "http://" + c.Addr, doer: http.DefaultClient}
	if err := cl.waitReady(ctx, server); err != nil {
		return err
	}
	local, _, err := readRuntime(c.Data)
	if err != nil {
		return err
	}
	cl.token = local.Token
	token := c.AdminToken
	if token == "" { // one was made, since the data is new
		token = <-tokens
	}
	round := &demoRound{client: cl, app: a, out: out, errs: errs, quiet: !term.IsTerminal(int(os.Stderr.Fd()))}
	play := newPlay(o.seed, max(o.people, 1), time.Now())
	if err := round.first(ctx, play); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nAPI      http://%s/api/v1  (OpenAPI at /openapi.json)\ntoken    %s\nproject  %s\n", c.Addr, token, c.Project)
	fmt.Fprintf(out, "try      curl -s -H 'Authorization: Bearer %s' http://%s/api/v1/syncs | head -c 400\n", token, c.Addr)
	if o.once {
		return nil
	}
	close(firstRound)
	fmt.Fprintf(out, "\nThe traffic goes on; audiences and syncs follow it. Ctrl-C ends the demo.\n")
	return round.live(ctx, play, o.rate, server)
}

// background is a function that runs beside; err is set once done is closed.
type background struct {
	done chan struct{}
	err  error
}

func (b *background) run(fn func() error) {
	defer close(b.done)
	b.err = fn()
}

// clearDemo removes a former demo, and refuses a folder that is none.
func clearDemo(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || len(entries) == 0 && err == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the demo's folder: %w", err)
	}
	if !slices.ContainsFunc(sql.Examples, func(e sql.Example) bool {
		_, err := os.Stat(filepath.Join(dir, e.Name, "tailrace.yml"))
		return err == nil
	}) {
		return fmt.Errorf("%s holds something else than a demo: give another folder with --data", dir)
	}
	if running, ok, err := readRuntime(dir); err != nil || ok {
		return errors.Join(err, fmt.Errorf("a demo runs already in %s (process %d): stop it, or give another --data", dir, running.PID))
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the former demo: %w", err)
	}
	return nil
}

// listenDemo listens where it was asked to, else on 127.0.0.1:8080, else on any free port. The listener is kept, so that
// nobody can take the port meanwhile.
func listenDemo(addr string) (net.Listener, error) {
	if addr == "" {
		if l, err := net.Listen("tcp", "127.0.0.1:8080"); err == nil {
			return l, nil
		}
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w; choose another address with --addr", addr, err)
	}
	return l, nil
}

// waitReady waits for /readyz, or for the server to end.
func (c *client) waitReady(ctx context.Context, server *background) error {
	return poll(ctx, func() (bool, error) {
		select {
		case <-server.done:
			return false, errors.New("the server ended before it was ready")
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/readyz", nil)
		if err != nil {
			return false, fmt.Errorf("asking for readiness: %w", err)
		}
		res, err := c.doer.Do(req)
		if err != nil {
			return false, ctx.Err() // not listening yet
		}
		return res.StatusCode == http.StatusOK, res.Body.Close()
	})
}

// demoRound plays and shows.
type demoRound struct {
	client    *client
	app       *app
	out, errs io.Writer
	quiet     bool
}

// first plays the history and takes it once through the whole path.
func (d *demoRound) first(ctx context.Context, play demoPlay) error {
	began := time.Now()
	history := play.history()
	if err := d.send(ctx, history, "history"); err != nil {
		return err
	}
	if err := d.client.waitLoaded(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s events of %d days, through the collector's HTTP API into ClickHouse: %s\n", count(len(history)), play.days(), time.Since(began).Round(10*time.Millisecond))
	if err := d.consents(ctx, play); err != nil {
		return err
	}
	if err := d.materialize(ctx); err != nil {
		return err
	}
	return d.sync(ctx)
}

// send plays events through POST /v1/batch, as a server-side SDK does.
func (d *demoRound) send(ctx context.Context, events []demoEvent, what string) error {
	batches, err := demoBatches(events, 250, time.Now())
	if err != nil {
		return err
	}
	var bar *mpb.Bar
	if !d.quiet && what != "" {
		p := mpb.New(mpb.WithOutput(d.errs), mpb.WithWidth(48))
		bar = p.AddBar(int64(len(batches)), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(what+" ")), mpb.AppendDecorators(decor.Percentage()))
		defer p.Wait()
		defer bar.Abort(true)
	}
	for _, b := range batches {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.client.base+"/v1/batch", bytes.NewReader(b.body))
		if err != nil {
			return fmt.Errorf("making a request: %w", err)
		}
		req.SetBasicAuth(d.app.keeper.project().Source(b.source).WriteKey.Reveal(), "")
		res, err := d.client.doer.Do(req)
		if err != nil {
			return fmt.Errorf("playing the traffic: %w", err)
		}
		if res.StatusCode != http.StatusOK {
			defer res.Body.Close()
			return fmt.Errorf("playing the traffic: %w", readProblem(res))
		}
		if err := res.Body.Close(); err != nil {
			return fmt.Errorf("playing the traffic: %w", err)
		}
		if bar != nil {
			bar.Increment()
		}
	}
	return nil
}

// consents records what people ticked.
func (d *demoRound) consents(ctx context.Context, play demoPlay) error {
	return d.client.call(ctx, http.MethodPut, "/api/v1/consents", nil, map[string]any{"items": play.consents()}, nil)
}

// materialize makes every trait and audience once: at the same time what doesn't read each other.
func (d *demoRound) materialize(ctx context.Context) error {
	p := d.app.keeper.project()
	var rows [][]string
	for _, step := range resultSteps(p.Graph()) {
		made := make([]audiences.Materialization, len(step))
		for i, n := range step {
			if err := d.client.post(ctx, "/api/v1/"+string(n.Kind)+"s/"+url.PathEscape(n.Name)+"/materializations", nil, &made[i]); err != nil {
				return err
			}
		}
		for _, m := range made {
			if err := d.client.waitMaterialized(ctx, &m); err != nil {
				return err
			}
			if m.State == audiences.StateFailed {
				return fmt.Errorf("%s %s: %s", m.Kind, m.Name, m.Error)
			}
			rows = append(rows, []string{string(m.Kind), m.Name, count(m.Rows), stateStyle(string(m.State)), p.SQL(m.Name).Header.Description})
		}
	}
	fmt.Fprintln(d.out)
	return printTable(d.out, []string{"", "SQL file", "rows", "state", "who"}, rows)
}

// resultSteps are the traits and audiences in steps: each step reads only results of those before it.
func resultSteps(g *project.Graph) [][]project.Node {
	var steps [][]project.Node
	depth := map[project.Node]int{}
	for _, n := range g.Nodes() {
		for _, read := range g.Reads(n) {
			depth[n] = max(depth[n], depth[read])
		}
		if n.Kind != project.KindTrait && n.Kind != project.KindAudience {
			continue
		}
		steps = inStep(steps, depth[n], n)
		depth[n]++
	}
	return steps
}

func inStep[T any](steps [][]T, i int, one T) [][]T {
	for len(steps) <= i {
		steps = append(steps, nil)
	}
	steps[i] = append(steps[i], one)
	return steps
}

// sync runs every sync once, at the same time those that don't wait for each other, and prints both sums.
func (d *demoRound) sync(ctx context.Context) error {
	var runs []api.RunView
	for _, step := range syncSteps(d.app.keeper.project().Syncs) {
		got, err := d.client.runSyncs(ctx, step, syncRequest{})
		if err != nil {
			return err
		}
		runs = append(runs, got...)
	}
	var rows [][]string
	for _, r := range runs {
		s := r.Sums
		rows = append(rows, []string{r.Sync, stateStyle(string(r.State)), count(s.Selected), "+" + count(s.Add), "~" + count(s.Change), "-" + count(s.Remove),
			count(s.LeftOutTotal), count(s.Accepted), count(s.Rejected), count(r.Counts["requests"])})
	}
	fmt.Fprintln(d.out)
	if err := printTable(d.out, []string{"sync", "state", "selected", "add", "change", "remove", "left out", "accepted", "rejected", "requests"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(d.out)
	for _, r := range runs {
		if err := r.Sums.Check(); err != nil {
			return fmt.Errorf("the sums of %s don't agree: %w", r.Sync, err)
		}
		fmt.Fprintf(d.out, "%s\n  %s\n  %s\n", styleHead.Render(r.Sync), firstSum(r.Sums.Sums), secondSum(r.Sums.Sums))
		if r.State == syncs.Failed {
			return fmt.Errorf("%s failed: %s", r.Sync, r.Error)
		}
	}
	return nil
}

// syncSteps are the names of syncs in steps: each step runs after syncs of those before it.
func syncSteps(all []*project.Sync) [][]string {
	after := map[string][]string{}
	for _, s := range all {
		after[s.Name] = s.Schedule.After
	}
	depth := map[string]int{}
	var measure func(name string) int
	measure = func(name string) int {
		if _, known := depth[name]; !known {
			depth[name] = 0
			for _, before := range after[name] {
				if _, is := after[before]; is {
					depth[name] = max(depth[name], measure(before)+1)
				}
			}
		}
		return depth[name]
	}
	var steps [][]string
	for _, s := range all {
		steps = inStep(steps, measure(s.Name), s.Name)
	}
	return steps
}

// live goes on with traffic, and tells each run that changed something.
func (d *demoRound) live(ctx context.Context, play demoPlay, rate float64, server *background) error {
	visit := time.NewTicker(time.Duration(float64(time.Second) / max(rate, 0.01)))
	defer visit.Stop()
	look := time.NewTicker(3 * time.Second)
	defer look.Stop()
	told := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-server.done:
			return errors.New("the server ended")
		case <-visit.C:
			if err := d.send(ctx, play.live(time.Now()), ""); err != nil && ctx.Err() == nil {
				return err
			}
		case <-look.C:
			if err := d.tell(ctx, told); err != nil && ctx.Err() == nil {
				fmt.Fprintln(d.errs, err)
			}
		}
	}
}

// tell prints a line for each finished run that had something to do and wasn't told yet.
func (d *demoRound) tell(ctx context.Context, told map[string]bool) error {
	first := len(told) == 0
	for _, s := range d.app.keeper.project().Syncs {
		var page pageOf[api.RunView]
		if err := d.client.get(ctx, "/api/v1/syncs/"+s.Name+"/runs", url.Values{"limit": {"5"}}, &page); err != nil {
			return err
		}
		for _, r := range page.Items {
			if told[r.ID] || !r.Over {
				continue
			}
			told[r.ID] = true
			if !first && r.Sums.Planned > 0 {
				fmt.Fprintf(d.out, "%s  %s run %d: +%d ~%d -%d, %s\n", r.At.Local().Format("15:04:05"), r.Sync, r.No, r.Sums.Add, r.Sums.Change, r.Sums.Remove, stateStyle(string(r.State)))
			}
		}
	}
	return nil
}
