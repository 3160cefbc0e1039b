package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/throttle"
)

// bandwidth is the limit to what is brought to the node, as a flag has it.
type bandwidth struct {
	text  string
	limit *throttle.Limit // nil: none
}

func (b *bandwidth) String() string { return b.text }

func (b *bandwidth) Type() string { return "rate" }

func (b *bandwidth) Set(text string) error {
	n, err := throttle.Parse(text)
	b.text, b.limit = text, throttle.New(n)
	return err
}

// bandwidthFlag is for the verbs that bring images to the node.
func (c *command) bandwidthFlag(verb *cobra.Command) {
	verb.Flags().Var(&c.bandwidth, "max-bandwidth", "fetch, pull and import no more than `BYTES` a second: 500k, 10M, 10Mi (default: no limit)")
}

// slow makes readers keep to the limit.
func (c *command) slow(ctx context.Context) func(io.Reader) io.Reader {
	return func(r io.Reader) io.Reader { return c.bandwidth.limit.Reader(ctx, r) }
}
