// Command components builds the releases of containerd that the suites run and that the machine's packages do not
// give, into the cache. It is what make components runs; nothing is built twice.
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
	os.Exit(code)
}
