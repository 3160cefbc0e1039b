package rig

import (
	"context"
	"os"
	"path/filepath"
)

// Tool is a program that users have and that regsync's own files are read by.
type Tool struct {
	Name   string
	module string // that a nested module under test/components pins; the nested module has the tool's name
	pkg    string // of the program
}

// The tools that render what is in deploy.
var (
	Kustomize = Tool{"kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "sigs.k8s.io/kustomize/kustomize/v5"}
	Helm      = Tool{"helm", "helm.sh/helm/v3", "helm.sh/helm/v3/cmd/helm"}
)

// Find gives the program's path. It builds none, see [Tool.Build].
func (t Tool) Find() (string, error) {
	program, _, err := t.place()
	if err == nil {
		_, err = os.Stat(program)
	}
	return program, err
}

// Build builds the program where the cache lacks it: Helm takes three minutes.
func (t Tool) Build(ctx context.Context) (string, error) {
	program, folder, err := t.place()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	return program, goBuild(ctx, folder, program, "-s -w", t.pkg)
}

func (t Tool) place() (program, folder string, err error) {
	root, err := sourceRoot()
	if err != nil {
		return "", "", err
	}
	folder = filepath.Join(root, "test", "components", t.Name)
	version, err := required(filepath.Join(folder, "go.mod"), t.module)
	return filepath.Join(Cache(), t.Name+"-"+version, t.Name), folder, err
}
