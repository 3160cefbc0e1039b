package rig

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var (
	//go:embed microk8s/registry.yaml
	registryAddon string
	//go:embed microk8s/storage.yaml
	storageAddon string
)

// MicroK8sCommand stands in for the command microk8s, as far as add-ons go: "enable registry [--size N] [--storageclass NAME]", "enable
// hostpath-storage" and "disable registry", acting on the API server of the node's kubeconfig. It does what MicroK8s 1.26 and later do,
// in scripts/wrappers and in the core add-ons' addons/registry/enable: storage is enabled along with the registry; where a pod whose name
// begins with registry runs anywhere, the add-on counts as enabled and the arguments are ignored; a class that is not there, a size that
// is too small and objects that the API server refuses are only printed, and the exit code is 0. "kubectl …" is the real one. A test
// binary that is called microk8s calls it first of all.
func MicroK8sCommand(args []string, out io.Writer) int {
	if notes, err := os.OpenFile(filepath.Join(snapNotes, "microk8s"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
		fmt.Fprintln(notes, strings.Join(args, " "))
		notes.Close()
	}
	for lock, said := range map[string]string{
		"clustered.lock": "This MicroK8s deployment is acting as a node in a cluster.\nPlease use the master node.",
		"stopped.lock":   "microk8s is not running, try microk8s start",
	} {
		if _, err := os.Stat(filepath.Join(SnapData, "var/lock", lock)); err == nil {
			fmt.Fprintln(out, said)
			return 1
		}
	}
	config := filepath.Join(SnapData, "credentials/client.config")
	if len(args) > 0 && args[0] == "kubectl" {
		return kubectl(config, args[1:], out)
	}
	client, err := KubeClientOf(config)
	if err == nil {
		_, err = client.Do(context.Background(), http.MethodGet, "/readyz", nil)
	}
	if err != nil {
		fmt.Fprintln(out, "MicroK8s is not ready. Please see 'microk8s status' or wait until the cluster is ready.")
		return 1
	}
	addon := addonCommand{client, out}
	switch strings.Join(args[:min(2, len(args))], " ") {
	case "enable registry":
		err = addon.enableRegistry(args[2:])
	case "enable hostpath-storage":
		err = addon.apply(storageAddon)
	case "disable registry":
		err = addon.disableRegistry()
	default:
		fmt.Fprintf(out, "the stand-in for microk8s does not know %q\n", args)
		return 64
	}
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	return 0
}

// kubectl runs the real one of the PATH, as the administrator whom MicroK8s' wrapper makes of its caller.
func kubectl(config string, args []string, out io.Writer) int {
	cmd := exec.Command("kubectl", args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+config)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, os.Stderr
	exit := (*exec.ExitError)(nil)
	if err := cmd.Run(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	return 0
}

type addonCommand struct {
	*KubeClient
	out io.Writer
}

var addonSize = regexp.MustCompile(`^([2-9][0-9]+|[1-9][0-9]{2,})Gi$`)

func (a addonCommand) enableRegistry(args []string) error {
	ctx := context.Background()
	pods, err := a.List(ctx, "pods", "")
	if err != nil {
		return err
	}
	if slices.ContainsFunc(pods, func(name string) bool { _, name = objectName(name); return strings.HasPrefix(name, "registry") }) {
		fmt.Fprintln(a.out, "Addon core/registry is already enabled")
		return nil
	}
	size, class := "20Gi", ""
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "--size":
			size = args[i+1]
		case "--storageclass":
			class = args[i+1]
		default:
			return fmt.Errorf("Error: No such option: %s", args[i]) //nolint:revive,staticcheck // its words
		}
	}
	if err := a.apply(storageAddon); err != nil {
		return err
	}
	classes, err := a.List(ctx, "storageclass", "")
	if err != nil {
		return err
	}
	line := ""
	switch {
	case class != "" && !slices.Contains(classes, class):
		fmt.Fprintf(a.out, "Error: Storage class %s doesn't exit.\n", class)
		return nil
	case !addonSize.MatchString(size):
		fmt.Fprintln(a.out, "The size of the registry should be higher or equal to 20Gi")
		return nil
	case class != "":
		line = "  storageClassName: " + class
	}
	fmt.Fprintf(a.out, "The registry will be created with the size of %s.\n", size)
	for document := range strings.SplitSeq(strings.NewReplacer("$SIZE", size, "$CLASS", line).Replace(registryAddon), "\n---") {
		if err := a.apply(document); err != nil {
			fmt.Fprintln(a.out, err) // kubectl goes on with the next
		}
	}
	return nil
}

func (a addonCommand) apply(documents string) error {
	return a.Apply(context.Background(), "kubectl", []byte(documents))
}

func (a addonCommand) disableRegistry() error {
	ctx := context.Background()
	for _, path := range []string{"/api/v1/namespaces/container-registry", "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting"} {
		if _, err := a.Do(ctx, http.MethodDelete, path, nil); err != nil {
			fmt.Fprintln(a.out, err)
		}
	}
	return a.AwaitGone(ctx, "namespace", "container-registry")
}
