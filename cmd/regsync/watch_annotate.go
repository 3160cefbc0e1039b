package main

import (
	"context"
	"maps"
	"strconv"
	"time"

	"github.com/regsync/regsync/internal/node"
)

// The annotations that a watch gives its node in the cluster. They say how the node is, and nothing of what a file holds.
const (
	annotatedConverged  = "regsync.dev/converged"   // true or false
	annotatedGeneration = "regsync.dev/generation"  // the last one that was applied
	annotatedDigest     = "regsync.dev/spec-digest" // of the file that is in force: 16 digits of its SHA-256
	annotatedPending    = "regsync.dev/pending"     // how many changes wait; none where none does
	annotatedError      = "regsync.dev/last-error"  // why it is not converged, or why the file is not in force; none where all is well
)

// What bounds an annotation's text, and the time that is given to write them.
const (
	annotatedMost = 256 // characters
	annotateTime  = 10 * time.Second
)

// annotate writes to the node's annotations how a round ended, where they say something else. Where that cannot be done it is said once, and tried
// after the next round.
func (w *watcher) annotate(ctx context.Context, r round) {
	now := w.annotations(r)
	if !w.annotated.asked || maps.Equal(now, w.annotated.last) || ctx.Err() != nil {
		return
	}
	if err := w.writeAnnotations(ctx, now); err != nil {
		if text := oneLine(err); text != w.annotated.failed {
			w.annotated.failed = text
			w.warn("the annotations of the node are not written: "+text, hintOfFailure(err))
		}
		return
	}
	w.annotated.last, w.annotated.failed = now, ""
}

// annotated is what is known of a node's annotations.
type annotated struct {
	asked  bool              // for
	last   map[string]string // as they were written last; nil: not yet
	failed string            // why they could not be
}

// annotations are those after a round. An empty one is none.
func (w *watcher) annotations(r round) map[string]string {
	a := map[string]string{
		annotatedConverged:  strconv.FormatBool(r.converged()),
		annotatedGeneration: strconv.Itoa(r.Generation),
		annotatedDigest:     "", annotatedPending: "", annotatedError: "",
	}
	if w.good != nil {
		a[annotatedDigest] = digestOf(w.good)[:16]
	}
	if n := len(r.Pending) + len(r.Failed); n > 0 {
		a[annotatedPending] = strconv.Itoa(n)
	}
	switch {
	case r.Err != nil:
		a[annotatedError] = oneLine(r.Err)
	case r.Spec != nil:
		a[annotatedError] = oneLine(r.Spec)
	case len(r.Failed) > 0:
		a[annotatedError] = r.Failed[0].Change.Name + ": " + oneLine(r.Failed[0].Err)
	}
	if text := []rune(a[annotatedError]); len(text) > annotatedMost {
		a[annotatedError] = string(text[:annotatedMost-1]) + "…"
	}
	return a
}

func (w *watcher) writeAnnotations(ctx context.Context, a map[string]string) error {
	root, err := node.Open(w.mount())
	if err != nil {
		return err
	}
	defer root.Close()
	client, name, err := w.kubernetesNode(root)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, annotateTime)
	defer cancel()
	return client.Annotate(ctx, name, a)
}
