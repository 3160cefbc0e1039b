// Command components builds what the suites run and the machine's packages do not give, into the cache: releases of containerd, a
// Kubernetes API server, Kustomize and Helm, Debian roots. It is what make components runs; nothing is built twice.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/regsync/regsync/test/rig"
)

func main() {
	code := 0
	for _, release := range rig.Releases {
		begun := time.Now()
		program, err := release.Path(context.Background())
		if err != nil {
			fmt.Fprintf(os.Stderr, "containerd %s: %v\n", release.Name, err)
			code = 1
			continue
		}
		fmt.Printf("containerd %s: %s (%s)\n", release.Name, program, time.Since(begun).Round(time.Second))
	}
	for _, tool := range []rig.Tool{rig.Kustomize, rig.Helm} {
		begun := time.Now()
		program, err := tool.Build(context.Background())
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", tool.Name, err)
			code = 1
			continue
		}
		fmt.Printf("%s: %s (%s)\n", tool.Name, program, time.Since(begun).Round(time.Second))
	}
	begun := time.Now()
	kube, err := rig.BuildKube(context.Background()) // on a cold machine it is the longest: ten minutes on two cores
	if err != nil {
		fmt.Fprintf(os.Stderr, "kube-apiserver: %v\n", err)
		code = 1
	} else {
		fmt.Printf("kube-apiserver: %s (%s)\n", kube.APIServer, time.Since(begun).Round(time.Second))
	}
	begun = time.Now()
	if err := rig.BuildDebian(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "Debian roots: %v\n", err)
		code = 1
	} else {
		fmt.Printf("Debian roots: %s (%s)\n", rig.Cache(), time.Since(begun).Round(time.Second))
	}
	os.Exit(code)
}
