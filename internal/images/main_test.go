package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/core/content"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"google.golang.org/protobuf/types/known/anypb"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/test/rig"
)

func TestMain(m *testing.M) {
	rig.Enter()
	m.Run()
}

// eachContainerd runs a test against every release, in namespaces of its own.
func eachContainerd(t *testing.T, test func(*testing.T, *node)) {
	for _, release := range rig.Releases {
		t.Run(release.Name, func(t *testing.T) {
			if rig.Isolated(t) {
				test(t, startNode(t, release))
			}
		})
	}
}

// node is a running containerd and a store that is connected to it.
type node struct {
	*Store
	*rig.RunningContainerd
	client  *containerd.Client // its own, to look at what ours did
	release rig.Containerd
	dir     string
}

func startNode(t *testing.T, release rig.Containerd) *node {
	t.Helper()
	n := &node{release: release, dir: t.TempDir()}
	n.start(t)
	t.Cleanup(func() { n.stop() })
	return n
}

func (n *node) start(t *testing.T) {
	t.Helper()
	if _, err := n.release.Path(t.Context()); err != nil {
		rig.Missing(t, "containerd "+n.release.Name, err.Error())
	}
	running, err := rig.StartContainerd(t.Context(), n.release, n.dir)
	if err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), rig.ContainerdSocket, "")
	if err != nil {
		running.Stop()
		t.Fatal(err)
	}
	n.RunningContainerd, n.Store = running, store
	if n.client, err = containerd.NewWithConn(store.conn); err != nil {
		t.Fatal(err)
	}
}

func (n *node) stop() {
	n.Close()
	n.Stop()
}

// archive is one in memory.
type archive struct {
	blobs      map[string][]byte
	order      []string
	sequential bool
	opened     atomic.Int64                      // bytes that were given
	wrap       func(string, io.Reader) io.Reader // around what is given, where it is set
}

func newArchive() *archive { return &archive{blobs: map[string][]byte{}} }

func (a *archive) reader(d string) (io.Reader, error) {
	data, ok := a.blobs[d]
	if !ok {
		return nil, fmt.Errorf("blob %s is not in the archive", d)
	}
	var r io.Reader = bytes.NewReader(data)
	if a.wrap != nil {
		r = a.wrap(d, r)
	}
	return &counting{r, &a.opened}, nil
}

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (a *archive) Open(_ context.Context, d string) (io.ReadCloser, error) {
	r, err := a.reader(d)
	return io.NopCloser(r), err
}

func (a *archive) Walk(_ context.Context, digests []string, read func(string, io.Reader) error) error {
	for _, d := range slices.Backward(a.order) { // layers before what needs them, as in many archives
		if !slices.Contains(digests, d) {
			continue
		}
		r, err := a.reader(d)
		if err == nil {
			err = read(d, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) Sequential() bool { return a.sequential }

func (a *archive) add(t testing.TB, mt types.MediaType, r io.Reader) render.Descriptor {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := a.blobs[d.String()]; !ok {
		a.blobs[d.String()] = data
		a.order = append(a.order, d.String())
	}
	return render.Descriptor{MediaType: string(mt), Digest: d.String(), Size: int64(len(data))}
}

// layer is one random layer, a plain tar with a file of that many bytes.
func layer(t testing.TB, size int64) v1.Layer {
	t.Helper()
	r, err := packed(t, size).Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return static.NewLayer(data, types.OCIUncompressedLayer)
}

// packed is one random layer that is compressed.
func packed(t testing.TB, size int64) v1.Layer {
	t.Helper()
	l, err := random.Layer(size, types.OCILayer)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// image puts an image of these layers into the archive and returns what is to be wanted of it.
func (a *archive) image(t testing.TB, layers ...v1.Layer) render.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return a.put(t, img)
}

func (a *archive) put(t testing.TB, img v1.Image) render.Image {
	t.Helper()
	raw, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	rawConfig, err := img.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := render.Image{Platform: "linux/" + runtime.GOARCH, Archive: "/var/lib/regsync/images/test.tar"}
	want.Target = a.add(t, manifest.MediaType, bytes.NewReader(raw))
	want.Content = []render.Descriptor{want.Target, a.add(t, manifest.Config.MediaType, bytes.NewReader(rawConfig))}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		want.Content = append(want.Content, a.add(t, manifest.Layers[i].MediaType, r))
		want.DiffIDs = append(want.DiffIDs, config.RootFS.DiffIDs[i].String())
	}
	return want
}

// index puts an index into the archive that names an image, and one for a platform of which nothing is there.
func (a *archive) index(t testing.TB, image render.Image) render.Image {
	t.Helper()
	arch := strings.TrimPrefix(image.Platform, "linux/")
	text := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[
		{"mediaType":%[2]q,"digest":"sha256:%064[5]d","size":500,"platform":{"os":"linux","architecture":"s390x"}},
		{"mediaType":%[2]q,"digest":%[3]q,"size":%[4]d,"platform":{"os":"linux","architecture":%[6]q}}]}`,
		types.OCIImageIndex, image.Target.MediaType, image.Target.Digest, image.Target.Size, 7, arch)
	image.Target = a.add(t, types.OCIImageIndex, strings.NewReader(text))
	image.Content = append([]render.Descriptor{image.Target}, image.Content...)
	return image
}

// named gives one image several names.
func named(want render.Image, names ...string) map[string]render.Image {
	all := map[string]render.Image{}
	for _, n := range names {
		all[n] = want
	}
	return all
}

// both joins wants.
func both(wants ...map[string]render.Image) map[string]render.Image {
	all := map[string]render.Image{}
	for _, w := range wants {
		maps.Copy(all, w)
	}
	return all
}

// content gives the digests of all blobs.
func (n *node) content(t *testing.T) (digests []string) {
	t.Helper()
	err := n.client.ContentStore().Walk(n.in(t.Context()), func(i content.Info) error {
		digests = append(digests, i.Digest.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return digests
}

// container makes the record of a container as the CRI does, which knows its image by any of its names.
func (n *node) container(t *testing.T, id, image string) (end func()) {
	t.Helper()
	ctx := n.in(t.Context())
	_, err := n.client.ContainerService().Create(ctx, containers.Container{
		ID: id, Image: image, Runtime: containers.RuntimeInfo{Name: "io.containerd.runc.v2"}, Spec: &anypb.Any{TypeUrl: "spec", Value: []byte("{}")},
		Labels: map[string]string{labelPodNamespace: "shop", labelPodName: "web-0", labelContainer: "app"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := n.client.ContainerService().Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
}
