package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/hashicorp/go-multierror"

	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/spec"
)

// certificates reads and checks the PEM files that the spec names. containerd fails every pull of a registry of which it
// cannot read one of them, so nothing is written before they are known to be good.
//
// Without a node (root is nil) only what is there is checked, and what is not is a warning.
func certificates(s *spec.Spec, root *node.Root, now time.Time) (map[string][]byte, []*spec.Problem, error) {
	files := map[string][]byte{}
	var warnings []*spec.Problem
	var problems *multierror.Error
	refs := s.Files()
	for _, ref := range refs {
		data, err := readPEM(ref, root)
		problem := &spec.Problem{Position: ref.Position, Path: ref.Path}
		switch {
		case errors.Is(err, fs.ErrNotExist) && root == nil:
			problem.Message = fmt.Sprintf("%q is not on this machine; it must be on the node", ref.File)
			warnings = append(warnings, problem)
			continue
		case err != nil:
			problem.Message = err.Error()
			problem.Hint = "containerd would fail every pull of this registry"
			problems = multierror.Append(problems, problem)
			continue
		}
		files[ref.File] = data
		if ref.Kind == spec.FileKey {
			continue
		}
		chain, err := spec.CheckPEM(fmt.Sprintf("%q", ref.File), data)
		if err != nil {
			problem.Message, problem.Hint = err.Error(), "containerd would fail every pull of this registry"
			problems = multierror.Append(problems, problem)
			continue
		}
		for _, cert := range chain {
			if now.After(cert.NotAfter) {
				warnings = append(warnings, &spec.Problem{
					Position: ref.Position, Path: ref.Path,
					Message: fmt.Sprintf("%q holds a certificate that expired on %s", ref.File, cert.NotAfter.Format(time.DateOnly)),
				})
			}
		}
	}
	for _, ref := range refs {
		if ref.Kind != spec.FileCert {
			continue
		}
		cert, key := files[ref.File], files[refs[ref.Pair].File]
		if cert == nil || key == nil {
			continue
		}
		if err := spec.CheckPair(cert, key); err != nil {
			problems = multierror.Append(problems, &spec.Problem{
				Position: ref.Position, Path: ref.Path,
				Message: fmt.Sprintf("%q and %q do not belong together: %v", ref.File, refs[ref.Pair].File, err),
			})
		}
	}
	return files, warnings, problems.ErrorOrNil()
}

// readPEM reads a file that the spec names: beside the spec where it is named so, else on the node.
func readPEM(ref spec.FileRef, root *node.Root) ([]byte, error) {
	if ref.Beside || root == nil {
		return os.ReadFile(ref.File)
	}
	live, err := root.Read(ref.File)
	switch {
	case err != nil:
		return nil, err
	case live.Obstacle != "":
		return nil, fmt.Errorf("%q %s", ref.File, live.Obstacle)
	case live.Data == nil:
		return nil, fmt.Errorf("%q is not there: %w", ref.File, fs.ErrNotExist)
	}
	return live.Data, nil
}
