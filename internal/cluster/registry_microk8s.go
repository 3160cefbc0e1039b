package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
)

// snapCommand is where snapd puts the command, which is not on every PATH (cron's, cloud-init's).
const snapCommand = "/snap/bin/microk8s"

// How long the registry is given to come up, and how often it is looked at meanwhile. An image of 10 MB is pulled, on a slow line too.
const (
	registryTime  = 10 * time.Minute
	registryAgain = time.Second
)

// MakeRegistry makes the built-in registry as c asks for it: by the command microk8s, and then waits until it is ready or off. tell hears,
// in a few words, what is waited for, each time that this becomes another. The error of one that does not come up says why.
func (k *Client) MakeRegistry(ctx context.Context, c plan.Change, tell func(string)) error {
	live, err := k.Registry(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.Action == plan.Delete && live.Enabled:
		if _, err := runMicroK8s(ctx, render.Addon{}.Arguments(), tell); err != nil {
			return err
		}
		return k.awaitRegistry(ctx, tell, func(live plan.LiveAddon) ([]string, error) {
			if live.Enabled {
				return []string{"its objects are still being deleted"}, nil
			}
			return nil, nil
		})
	case c.Action == plan.Delete:
		return nil
	case c.Action == plan.Create && live.Enabled:
		return &ChangedError{"somebody has enabled the add-on since the plan was made"}
	}
	// Where a pod of it is there, MicroK8s takes it for enabled, says so and does nothing.
	if !live.Enabled || len(live.Missing) > 0 {
		said, err := runMicroK8s(ctx, c.Addon.Arguments(), tell)
		if err != nil {
			return err
		}
		if live, err = k.Registry(ctx); err == nil && !live.Enabled {
			err = fmt.Errorf("microk8s %s made nothing: %s", strings.Join(c.Addon.Arguments(), " "), said)
		}
		if err != nil {
			return err
		}
	}
	err = k.awaitRegistry(ctx, tell, func(live plan.LiveAddon) ([]string, error) {
		switch {
		case !live.Enabled:
			return nil, errors.New("somebody has disabled the built-in registry meanwhile")
		case len(live.Missing) > 0:
			return nil, &PartError{c.Addon.Arguments(), live.Missing}
		case c.Addon.Size != "" && live.Size != c.Addon.Size:
			return nil, fmt.Errorf("the built-in registry's volume was asked for with %s, and MicroK8s made one of %s", c.Addon.Size, live.Size)
		}
		return live.Faults, nil
	})
	if err != nil {
		return &NotReadyError{err}
	}
	return nil
}

// NotReadyError says why a registry that was enabled does not serve.
type NotReadyError struct{ Err error }

func (e *NotReadyError) Error() string { return e.Err.Error() }

func (e *NotReadyError) Unwrap() error { return e.Err }

// PartError says that MicroK8s made only a part of an add-on.
type PartError struct {
	Arguments []string // of microk8s
	Missing   []string // what is not there, and why
}

func (e *PartError) Error() string {
	return fmt.Sprintf("microk8s %s did not make all of it: %s", strings.Join(e.Arguments, " "), strings.Join(e.Missing, "; "))
}

// Hint says how to get the rest: MicroK8s takes the add-on for enabled as long as a pod of it runs.
func (e *PartError) Hint() string {
	return "kubectl -n " + registryNamespace + " delete deployment " + registryName + ", which leaves its images alone, then run it again"
}

// awaitRegistry looks again and again until nothing is open any more. An error of open ends it.
func (k *Client) awaitRegistry(ctx context.Context, tell func(string), open func(plan.LiveAddon) ([]string, error)) error {
	limited, cancel := context.WithTimeout(ctx, registryTime)
	defer cancel()
	again := time.NewTicker(registryAgain)
	defer again.Stop()
	said := ""
	for {
		live, err := k.Registry(limited)
		if err == nil {
			var faults []string
			if faults, err = open(live); err != nil || len(faults) == 0 {
				return err
			}
			if now := strings.Join(faults, "; "); now != said {
				said = now
				tell(said)
			}
		}
		select {
		case <-limited.Done():
			if said == "" && err != nil {
				said = err.Error()
			}
			if ctx.Err() == nil {
				return fmt.Errorf("the built-in registry is not ready after %s: %s", registryTime, said)
			}
			return fmt.Errorf("the built-in registry is not ready (%w): %s", context.Cause(ctx), said)
		case <-again.C:
		}
	}
}

// runMicroK8s runs the command microk8s, and gives the last line that it printed. That it succeeds says little: MicroK8s prints what was
// refused, and exits with 0.
func runMicroK8s(ctx context.Context, args []string, tell func(string)) (string, error) {
	program, err := exec.LookPath("microk8s")
	if err != nil {
		if program, err = exec.LookPath(snapCommand); err != nil {
			return "", errors.New("the command microk8s is not there: add-ons are enabled and disabled on the node itself")
		}
	}
	words := "microk8s " + strings.Join(args, " ")
	tell(words)
	var said bytes.Buffer
	argv := outside(append([]string{program}, args...))
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.Stdout, command.Stderr = &said, &said
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("%s: %w: %s", words, err, lastLine(said.Bytes()))
	}
	return lastLine(said.Bytes()), nil
}

// lastLine is where a program says why it failed.
func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
