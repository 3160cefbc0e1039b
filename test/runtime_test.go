package test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// containerd start | stop | pid | log: the containerd of the story's release at a distribution's paths. A configuration
// that stands in /etc/containerd/config.toml is taken as it is.
func cmdContainerd(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	switch args[0] {
	case "start":
		running, err := rig.StartContainerd(context.Background(), n.release, n.dir)
		n.containerd = running
		settle(ts, neg, err)
	case "stop":
		n.containerd.Stop()
		n.containerd = nil
	case "pid":
		fmt.Fprintln(ts.Stdout(), n.containerd.Pid())
	case "log":
		fmt.Fprint(ts.Stdout(), ts.ReadFile(n.containerd.Log))
	default:
		ts.Fatalf("usage: containerd start|stop|pid|log")
	}
}

// microk8s FORM [ROOT]: a MicroK8s node whose template has this form (stock, legacy, both, neither); its containerd is
// of the story's release. With ROOT the tree is only laid out below it. "microk8s log" prints containerd's log.
func cmdMicroK8s(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	switch {
	case len(args) == 2:
		settle(ts, neg, rig.LayMicroK8s(ts.MkAbs(args[1]), args[0]))
	case args[0] == "log":
		fmt.Fprint(ts.Stdout(), ts.ReadFile(n.microk8s.Log))
	default:
		running, err := rig.StartMicroK8s(context.Background(), n.release, args[0], n.dir, n.bin)
		n.microk8s = running
		settle(ts, neg, err)
	}
}

// snapd: the stand-in for snapd answers at its socket too, and restarts services by that for its command.
func cmdSnapd(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	running, err := rig.StartSnapd(filepath.Join(n.bin, "snap"))
	n.snapd = running
	settle(ts, neg, err)
}

// snap-next busy|refresh|wander|fail|kill|down COUNT: how the next calls of snap restart are to go.
func cmdSnapNext(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: snap-next busy|refresh|wander|fail|kill|down COUNT")
	}
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	settle(ts, neg, here(ts).microk8s.Next(args[0], count))
}

// restarts COUNT: so often, and no more often, was MicroK8s' containerd restarted since the story began.
func cmdRestarts(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, err := here(ts).microk8s.Restarts()
	ts.Check(err)
	if (got == want) == neg {
		ts.Fatalf("containerd was restarted %d times, expected %d (negated: %v)", got, want, neg)
	}
}

// cri: the runtime's name and version; it fails where CRI is down.
// cri images | cri has NAME…: see criImages.
func cmdCRI(ts *testscript.TestScript, neg bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := here(ts).cri(ts)
	if len(args) == 0 {
		version, err := client.Version(ctx)
		fmt.Fprintln(ts.Stdout(), version)
		settle(ts, neg, err)
		return
	}
	criImages(ts, neg, args)
}

// await-cri up|down: waits until a containerd that has just been restarted answers, with its CRI or without.
func cmdAwaitCRI(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: await-cri up|down")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ts.Check(here(ts).cri(ts).Await(ctx, args[0] == "up"))
}

// pull IMAGE [NAMESPACE/SECRET]: pulls as kubelet does for a pod, with that pull secret, and forgets the image again so that the next pull
// asks anew.
func cmdPull(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: pull IMAGE [NAMESPACE/SECRET]")
	}
	ctx := context.Background()
	client := here(ts).cri(ts)
	login := ""
	if len(args) == 2 {
		registry, _, _ := strings.Cut(args[0], "/")
		var err error
		login, err = loginOf(ctx, here(ts).kube, args[1], registry)
		ts.Check(err)
	}
	id, err := client.PullAs(ctx, args[0], login)
	if err == nil {
		image, missing := client.Status(ctx, args[0])
		if missing == nil && image == nil {
			missing = errors.New("pulled, but CRI does not have it")
		}
		err = errors.Join(missing, client.Remove(ctx, id))
	}
	fmt.Fprintln(ts.Stdout(), id)
	settle(ts, neg, err)
}
