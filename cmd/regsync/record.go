package main

import (
	"errors"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/regsync/regsync/apply"
	"github.com/regsync/regsync/internal/ledger"
	"github.com/regsync/regsync/internal/view"
	"github.com/regsync/regsync/plan"
)

// record is the ledger as apply sees it.
type record struct {
	*ledger.Ledger
	generation plan.Generation // as far as it is known beforehand
	confirm    time.Duration   // how long it waits to be confirmed; 0: it need not be
	on         *revision
}

// Begin records what is about to be done.
func (r *record) Begin(p plan.Plan, before []plan.Live) error {
	return r.Ledger.Begin(p, before, ledger.Intent{At: time.Now().UTC().Truncate(time.Second), By: r.generation.By, Services: r.Services, Revision: r.on.dir})
}

// Commit records that the files are changed, at this moment.
func (r *record) Commit(p plan.Plan) error {
	r.generation.At = time.Now()
	if r.confirm > 0 {
		if err := r.await(); err != nil {
			return err
		}
	}
	return r.Ledger.Commit(p, r.generation)
}

// await lets the time to confirm begin.
func (r *record) await() error {
	now, err := ledger.Now()
	if err != nil {
		return err
	}
	return r.Await(ledger.Deadline{Set: now, For: r.confirm})
}

// finish records how much of the plan was done.
func (r *record) finish(result apply.Result) error {
	var undone []plan.Change
	for _, f := range slices.Concat(result.Failed, result.Elsewhere) {
		undone = append(undone, f.Change)
	}
	done := r.generation.Result
	if len(result.Unserved)+len(result.Failed) > 0 {
		done = plan.Part
	}
	return r.Finish(done, undone)
}

// generation is what is known of an apply before it is carried out. part says that not all that is asked for is in its plan.
func (c *command) generation(t trip, part bool) plan.Generation {
	g := plan.Generation{By: c.author(), Source: t.source, Rollback: t.rollback, Result: plan.All}
	if part {
		g.Result = plan.Part
	}
	return g
}

// author is who runs this. Whom sudo served counts, not root.
func (c *command) author() plan.Author {
	a := plan.Author{UID: os.Getuid(), PID: os.Getpid(), Command: view.Masked(strings.Join(c.args, " ")), Version: ownVersion()}
	if a.User = c.env("SUDO_USER"); a.User == "" {
		if u, err := user.LookupId(strconv.Itoa(a.UID)); err == nil {
			a.User = u.Username
		}
	}
	return a
}

// noted remembers an apply's failure for status, or forgets the last one. That it cannot is no failure of the apply.
func (c *command) noted(s *site, err error) error {
	code := codeError(0)
	var noted error
	switch {
	case errors.Is(err, errDeclined):
	case err == nil, errors.As(err, &code):
		noted = s.ledger.Succeed()
	default:
		noted = s.ledger.Fail(ledger.Failure{At: time.Now().UTC().Truncate(time.Second), Message: view.Masked(err.Error())})
	}
	if noted != nil {
		c.warn(noted.Error(), "")
	}
	return err
}
