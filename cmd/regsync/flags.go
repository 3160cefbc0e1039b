package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

const (
	defaultFile     = "/etc/regsync/regsync.yaml"
	defaultStateDir = "/var/lib/regsync"
)

// oneOf checks a flag that has a few words as its values.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return fmt.Errorf("--%s is %q; it must be %s", flag, value, strings.Join(words, ", "))
}

// limited gives ctx the time that --timeout allows.
func (c *command) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("the %s of --timeout are over", c.timeout))
}

// mount is where the node's file system is.
func (c *command) mount() string {
	switch {
	case c.root != "":
		return c.root
	case c.host != "":
		return c.host
	}
	return "/"
}

// baking reports whether the node is a file system that nothing runs on.
func (c *command) baking() bool { return c.root != "" }
