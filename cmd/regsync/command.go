package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/credentials"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/spec"
)

// streams are the standard streams. Results go to out, everything else to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one run of the program: its streams, and the flags that every verb has.
type command struct {
	streams
	env               func(string) string
	args              []string
	color             bool
	colorErr          bool
	files             []string
	root, host        string
	output, colorMode string
	stateDir          string
	verbose           bool
	wait, timeout     time.Duration
	bandwidth         bandwidth

	log     *slog.Logger         // of a watch, which has nobody at its terminal; else nil
	singly  bool                 // of a watch: what is wrong with one file of the node holds back that file alone
	brief   bool                 // of a watch: something happened on the node or in the cluster, and nobody outside is asked for that
	answers *credentials.Answers // of a watch: what programs that give credentials have said; else nil
	labels  map[string]string    // of the Kubernetes node, as the cluster last told them; nil: not yet
	given   []spec.Source        // the file as it is taken, whatever stands there now; nil: it is read
}

// run is the program, without the process around it.
func run(ctx context.Context, args []string, s streams, env func(string) string) (code int) {
	c := &command{streams: s, env: env, args: append([]string{"regsync"}, args...)}
	defer func() {
		if fault := recover(); fault != nil { // the runtime's own exit code, 2, would say that changes are pending
			fmt.Fprintf(c.err, "regsync: error: this is a fault of regsync's: %v\n%s", fault, debug.Stack())
			code = exitError
		}
	}()
	top := c.top()
	top.SetArgs(args)
	return c.report(ctx, top.ExecuteContext(ctx))
}

// top is the command without a verb.
func (c *command) top() *cobra.Command {
	top := &cobra.Command{
		Use:   "regsync",
		Short: "Make a node know about container registries what one YAML file says",
		Long: `regsync compares what one YAML file says about container registries with what is on this node
(certs.d, containerd's config, /etc/hosts, Docker's daemon.json), shows the difference as a plan,
and carries the plan out.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(*cobra.Command, []string) error { return c.settle() },
	}
	top.SetIn(c.in)
	top.SetOut(c.out)
	top.SetErr(c.err)
	f := top.PersistentFlags()
	f.StringArrayVarP(&c.files, "file", "f", nil, "the file, or a directory of them; may be given more than once; - is standard input (default "+defaultFile+")")
	f.StringVar(&c.root, "root", "", "work on the node whose file system is mounted at `DIR`; nothing is restarted there")
	f.StringVar(&c.host, "host", "", "work on the live node whose file system is mounted at `DIR`")
	f.StringVarP(&c.output, "output", "o", "text", "text or json")
	f.StringVar(&c.colorMode, "color", "auto", "auto, always or never")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "show more")
	f.StringVar(&c.stateDir, "state-dir", defaultStateDir, "where regsync keeps what it remembers, on the node")
	f.DurationVar(&c.wait, "wait", 0, "how long to wait for a runtime or an API server that is still coming up, and for another regsync to end")
	f.DurationVar(&c.timeout, "timeout", 0, "give up after this time (default: never)")
	top.MarkFlagsMutuallyExclusive("root", "host")
	top.AddCommand(
		c.validateVerb(), c.planVerb(), c.applyVerb(), c.watchVerb(), c.confirmVerb(), c.statusVerb(), c.historyVerb(), c.rollbackVerb(), c.recoverVerb(), c.resetVerb(),
		c.verifyVerb(), c.explainVerb(), c.doctorVerb(), c.captureVerb(), c.convertVerb(), c.schemaVerb(), c.versionVerb(), c.completionVerb(),
	)
	return top
}

// settle checks the common flags, once they are read.
func (c *command) settle() error {
	if err := oneOf("output", c.output, "text", "json"); err != nil {
		return err
	}
	if err := oneOf("color", c.colorMode, "auto", "always", "never"); err != nil {
		return err
	}
	if !path.IsAbs(c.stateDir) {
		return fmt.Errorf("--state-dir is %q; it must be an absolute path on the node", c.stateDir)
	}
	c.color = view.UseColor(c.colorMode, c.out, c.env)
	c.colorErr = view.UseColor(c.colorMode, c.err, c.env)
	return nil
}
