package rig

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The one user of a [Distribution], and its line in an htpasswd file (bcrypt of "secret").
const (
	DistributionUser     = "plant-7"
	DistributionPassword = "secret"
	distributionUsers    = "plant-7:$2a$05$c3gb.MtdrbnJM4RXxorY4eTn.fnjHUeSnUNosh/Cd35P/WxgrSkn.\n"
)

// Distribution is the registry that everybody has, as Debian packages it (docker-registry), with its users in an htpasswd file.
type Distribution struct {
	*Daemon
	address string
}

// StartDistribution serves an empty registry over plain http on an address, and waits until it answers. Its files go to dir.
func StartDistribution(ctx context.Context, dir, address string) (*Distribution, error) {
	users, config := filepath.Join(dir, "htpasswd"), filepath.Join(dir, "registry.yml")
	if err := os.WriteFile(users, []byte(distributionUsers), 0o600); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("version: 0.1\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\nauth: {htpasswd: {realm: plant, path: %q}}\n",
		filepath.Join(dir, "registry"), address, users)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	daemon, err := StartDaemon(filepath.Join(dir, "registry.log"), "docker-registry", "serve", config)
	if err != nil {
		return nil, err
	}
	d := &Distribution{daemon, address}
	if err := daemon.await(ctx, d.answers); err != nil {
		daemon.Stop()
		return nil, fmt.Errorf("docker-registry: %w", err)
	}
	return d, nil
}

func (d *Distribution) answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.address+"/v2/", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("it lets everybody in: %s", answer.Status)
	}
	return nil
}

// Push adds a random image for this machine's platform under REPOSITORY:TAG and returns its digest.
func (d *Distribution) Push(ctx context.Context, repositoryAndTag string) (string, error) {
	image, err := RandomImage()
	if err != nil {
		return "", err
	}
	ref, err := name.ParseReference(d.address+"/"+repositoryAndTag, name.Insecure, name.StrictValidation)
	if err != nil {
		return "", err
	}
	login := &authn.Basic{Username: DistributionUser, Password: DistributionPassword}
	if err := remote.Write(ref, image, remote.WithAuth(login), remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("pushing %q: %w", repositoryAndTag, err)
	}
	digest, err := image.Digest()
	return digest.String(), err
}
