package test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

const kubeletsUsage = `usage:
	kubelets join [not-ready] NODE…
	kubelets off|on|leave NODE…
	kubelets peak
	kubelets count FILE PATTERN | kubelets await COUNT FILE PATTERN
	kubelets reboot FILE PATTERN
	kubelets look NAMESPACE/DAEMONSET`

// kubelets join starts stand-ins for the kubelets of nodes, which register these and run the program under test as their pods say, each on a file
// system of its own; the first one also starts Kubernetes' scheduler and its controllers of nodes and daemon sets. One that is not ready has no
// pod network. off cuts a node off from power, on brings it back, leave takes it out of the cluster for good.
//
// peak prints how many nodes were without a ready pod at once since it was last said. count prints on how many nodes a line of a file matches, await
// waits until these are so many at least, reboot cuts one of them off and brings it back. look has the controller of a DaemonSet look at it once more, and
// waits for that.
func cmdKubelets(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	if neg || len(args) == 0 || n.kube == nil {
		ts.Fatalf(kubeletsUsage)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if n.kubelets == nil {
		ts.Check(n.startKubelets())
	}
	k, rest := n.kubelets, args[1:]
	each := func(do func(context.Context, string) error) {
		for _, node := range rest {
			ts.Check(do(ctx, node))
		}
	}
	switch {
	case args[0] == "join" && len(rest) > 0:
		ready := rest[0] != "not-ready"
		if !ready {
			rest = rest[1:]
		}
		each(func(ctx context.Context, node string) error { return k.Join(ctx, node, ready) })
	case args[0] == "off":
		each(k.Off)
	case args[0] == "on":
		each(k.On)
	case args[0] == "leave":
		each(k.Leave)
	case args[0] == "peak":
		fmt.Fprintln(ts.Stdout(), k.Peak())
	case args[0] == "count" && len(rest) == 2:
		fmt.Fprintln(ts.Stdout(), len(matching(k, rest[0], rest[1])))
	case args[0] == "await" && len(rest) == 3:
		count, err := strconv.Atoi(rest[0])
		ts.Check(err)
		ts.Check(awaitNodes(ctx, k, count, rest[1], rest[2]))
	case args[0] == "reboot" && len(rest) == 2:
		found := matching(k, rest[0], rest[1])
		if len(found) == 0 {
			ts.Fatalf("on no node %s matches %s", rest[0], rest[1])
		}
		ts.Check(k.Off(ctx, found[0]))
		ts.Check(k.On(ctx, found[0]))
	case args[0] == "look" && len(rest) == 1:
		ts.Check(look(ctx, n.kube, rest[0]))
	default:
		ts.Fatalf(kubeletsUsage)
	}
}

func (n *node) startKubelets() error {
	dir, err := os.MkdirTemp(n.dir, "nodes-*")
	if err != nil {
		return err
	}
	n.kubelets = rig.StartKubelets(n.kube, dir, os.Getenv("REGSYNC"))
	return n.kube.StartNodes()
}

// matching are the nodes on which a line of a file matches a pattern.
func matching(k *rig.Kubelets, file, pattern string) []string {
	line := regexp.MustCompile("(?m)" + pattern)
	return slices.DeleteFunc(k.Nodes(), func(node string) bool {
		text, err := os.ReadFile(filepath.Join(k.Root(node), file))
		return err != nil || !line.Match(text)
	})
}

// awaitNodes waits until a line of a file matches on so many nodes.
func awaitNodes(ctx context.Context, k *rig.Kubelets, count int, file, pattern string) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		found := matching(k, file, pattern)
		if len(found) >= count {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s matches %s on %q only: %w", file, pattern, found, ctx.Err())
		case <-again.C:
		}
	}
}

// look has the controller of a DaemonSet see two changes that concern no pod, and waits for each. At the first it does all that it would do, and of
// that the status tells at the second.
func look(ctx context.Context, k *rig.Kube, name string) error {
	path, err := k.Path(ctx, "daemonset", name)
	if err != nil {
		return err
	}
	for _, kept := range []int{11, 10} { // the default is 10
		text, err := k.Do(ctx, http.MethodPatch, path, map[string]any{"spec": map[string]any{"revisionHistoryLimit": kept}})
		if err != nil {
			return err
		}
		generation, err := rig.Field(text, "/metadata/generation")
		if err != nil {
			return err
		}
		if err := k.Await(ctx, "daemonset", name, "/status/observedGeneration", generation); err != nil {
			return err
		}
	}
	return nil
}
