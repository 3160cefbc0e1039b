package runtime

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"

	versionapi "github.com/containerd/containerd/api/services/version/v1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/regsync/regsync/render"
)

// Version asks the containerd at socket for its version, and gives it parsed and as it was said: 1.6.20 of "1.6.20~ds1".
// A version that does not parse is no error: then it is the zero Version.
func Version(ctx context.Context, socket string) (render.Version, string, error) {
	conn, err := Dial(socket)
	if err != nil {
		return render.Version{}, "", err
	}
	defer conn.Close()
	answer, err := versionapi.NewVersionClient(conn).Version(ctx, &emptypb.Empty{})
	if err != nil {
		return render.Version{}, "", fmt.Errorf("asking %q for its version: %w", socket, plain(err))
	}
	return parseVersion(answer.Version), answer.Version, nil
}

var versionForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?`)
})

// ParseVersion reads a version as a person writes it: 1.7.27, v2.2, or 2. ok is false where it is none.
func ParseVersion(s string) (v render.Version, ok bool) {
	if len(s) == 1 {
		s += ".0"
	}
	v = parseVersion(s)
	return v, v.Known()
}

func parseVersion(s string) render.Version {
	m := versionForm().FindStringSubmatch(s)
	if m == nil {
		return render.Version{}
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	return render.Version{Major: n[0], Minor: n[1], Patch: n[2]}
}
