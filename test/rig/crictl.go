package rig

import (
	"context"
	"fmt"
	"io"
	"os"
)

// CrictlCommand stands in for crictl, whose module the Go proxy does not serve, as far as "crictl pull IMAGE" and
// "crictl rmi IMAGE" go. It asks the CRI of the node's containerd, and prints what crictl 1.32 prints. A test binary that is called crictl
// calls it first of all.
func CrictlCommand(args []string, out, problems io.Writer) int {
	socket := ContainerdSocket
	if _, err := os.Stat(MicroK8sSocket); err == nil {
		socket = MicroK8sSocket
	}
	client, err := DialCRI(socket)
	if err != nil {
		fmt.Fprintln(problems, err)
		return 1
	}
	defer client.Close()
	ctx := context.Background()
	switch {
	case len(args) == 2 && args[0] == "pull":
		id, err := client.Pull(ctx, args[1])
		if err != nil {
			fmt.Fprintf(problems, "FATA[0000] pulling image: %v\n", err)
			return 1
		}
		fmt.Fprintf(out, "Image is up to date for %s\n", id)
	case len(args) == 2 && args[0] == "rmi":
		if err := client.Remove(ctx, args[1]); err != nil {
			fmt.Fprintln(problems, err)
			return 1
		}
		fmt.Fprintf(out, "Deleted: %s\n", args[1])
	default:
		fmt.Fprintf(problems, "the stand-in for crictl does not know %q\n", args)
		return 64
	}
	return 0
}
