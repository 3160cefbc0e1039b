package main

import (
	"errors"
	"io"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/regsync/regsync/internal/convert"
	"github.com/regsync/regsync/internal/node"
)

func (c *command) convertVerb() *cobra.Command {
	var from string
	verb := &cobra.Command{
		Use:   "convert --from FORMAT FILE",
		Short: "Write the file from one of another tool's",
		Long: `convert writes to standard output what another tool's file says of registries. FILE may be -, for standard input; with --root or
--host an absolute path is one of the node. Formats:

  k3s, rke2        registries.yaml
  launch-config    a launch configuration of MicroK8s
  registries.conf  of Podman, Buildah and CRI-O
  docker           daemon.json
  kubespray        a file of group variables

Whom the tool's runtime asks, containerd will ask too. What the file cannot say is commented out, with its line and the reason.

No password is written. Where one stands, the file names a credential that is read from a file, and says where it stands now.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.convert(from, args[0]) },
	}
	verb.Flags().StringVar(&from, "from", "", "`FORMAT` of FILE: "+strings.Join(convert.Formats, ", "))
	return verb
}

func (c *command) convert(from, name string) error {
	if from == "" {
		return hinted{errors.New("--from is missing: it says what FILE is"), "it is one of " + strings.Join(convert.Formats, ", ")}
	}
	if err := oneOf("from", from, convert.Formats...); err != nil {
		return err
	}
	if c.output != "text" {
		return errors.New("convert writes YAML only: --output json is not for it")
	}
	data, err := c.foreign(name)
	if err != nil {
		return err
	}
	if name == "-" {
		name = "<stdin>"
	}
	d, err := convert.Convert(from, name, data)
	if err != nil {
		return err
	}
	return c.hand(d)
}

// foreign reads another tool's file. An absolute path is the node's.
func (c *command) foreign(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(c.in)
	}
	file := name
	if path.IsAbs(name) && c.mount() != "/" {
		root, err := node.Open(c.mount())
		if err != nil {
			return nil, err
		}
		defer root.Close()
		if file, err = root.Path(name); err != nil {
			return nil, err
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, unread(name, err)
	}
	return data, nil
}
