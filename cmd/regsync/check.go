package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/spec"
)

// checkOf gives what an apply has to pass when its files are written and its effects have run: all that verify asks. What is asked is
// worked out now, from the node as the plan saw it.
func (c *command) checkOf(ctx context.Context, s *site, t trip) (apply.Check, error) {
	survey := &survey{site: s, live: map[string]plan.Live{}}
	if t.spec == nil { // of a saved plan
		var err error
		if t.spec, err = c.specOf(ctx, s, t); err != nil {
			return nil, err
		}
		if t.place, err = c.find(ctx, survey, t.spec); err != nil {
			return nil, err
		}
	}
	trial, err := c.trial(ctx, survey, t.spec, t.place)
	if err != nil {
		return nil, err
	}
	return trial.check, nil
}

// specOf loads the file that a saved plan was made of.
func (c *command) specOf(ctx context.Context, s *site, t trip) (*spec.Spec, error) {
	c.files = t.source.Files
	now, err := c.loaded(ctx, s.root)
	if err == nil && now.source.SpecDigest != t.source.SpecDigest {
		err = hinted{errors.New("the file has changed since the plan was made: what to verify is not known"), "make the plan again, or run regsync verify afterwards"}
	}
	return now.spec, err
}

// check is the verification as one error: what does not work first, and how much else does not.
func (t *trial) check(ctx context.Context) error {
	v, err := t.run(ctx)
	failures := v.Failures()
	switch more := len(failures) - 1; {
	case err != nil || more < 0:
		return err
	case more > 0:
		return fmt.Errorf("%s (and %d more)", failures[0], more)
	}
	return errors.New(failures[0])
}
