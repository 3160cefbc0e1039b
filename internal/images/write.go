package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	contentapi "github.com/containerd/containerd/api/services/content/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	chunk    = 1 << 20 // bytes in one message; gRPC takes 16 MiB of containerd's
	underWay = 4       // messages to which containerd has not answered yet
)

// write brings a blob into the store under a name of its own for what is not finished, so what an import that was cut off has
// written is gone on with, if resume allows. containerd hashes it and refuses other bytes; we don't.
func (r *run) write(ctx context.Context, b *blob, resume bool, open func() (io.ReadCloser, error)) error {
	leave, err := r.gates.enter(ctx, "blob "+b.Digest)
	if err != nil {
		return err
	}
	defer leave()
	send := func() (from int64, err error) { return r.send(ctx, b, resume, open) }
	if b.Size <= chunk {
		data, err := b.read(open)
		if err != nil {
			return r.damaged(b, err)
		}
		send = func() (int64, error) { return 0, r.sendWhole(ctx, b, data) }
	}
	wait := 10 * time.Millisecond
	for {
		from, err := send()
		switch code := status.Code(err); {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case code == codes.AlreadyExists:
			// Somebody else was faster. The labels are needed all the same.
			_, err := r.claimBlob(ctx, b)
			return err
		case code == codes.Unavailable && strings.Contains(err.Error(), "locked"):
			// Another process is writing it just now.
			select {
			case <-ctx.Done():
			case <-time.After(wait):
				wait = min(2*wait, time.Second)
			}
			continue
		case code == codes.FailedPrecondition:
			// Other bytes than promised, or another number.
			r.abort(ctx, b)
			if from > 0 {
				// What was there from before has come to harm.
				resume = false
				r.progress(func(p *Progress) { p.Total += b.Size })
				continue
			}
			why := strings.TrimSuffix(status.Convert(err).Message(), ": failed precondition")
			return r.damaged(b, fmt.Errorf("blob %s: its bytes have another digest or size: %s", b.Digest, why))
		default:
			var source *sourceError
			if errors.As(err, &source) {
				r.abort(ctx, b)
				return r.damaged(b, source.error)
			}
			return plain(err)
		}
	}
}

func (r *run) damaged(b *blob, err error) error {
	return &DamagedError{Archive: r.images[0].Archive, Digest: b.Digest, Err: err}
}

// abort drops what was written of a blob.
func (r *run) abort(ctx context.Context, b *blob) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
	defer cancel()
	_ = r.client.ContentStore().Abort(ctx, ingest(b)) // the lease's end does it otherwise
}

func ingest(b *blob) string { return "regsync-" + b.Digest }

// sourceError is one of reading the archive.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// sendWhole writes a blob of one message: it opens, writes from the beginning on, and commits.
func (r *run) sendWhole(ctx context.Context, b *blob, data []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := r.blobs.Write(ctx)
	if err != nil {
		return err
	}
	_ = stream.Send(&contentapi.WriteContentRequest{ // the answer says why it failed
		Action: contentapi.WriteAction_COMMIT, Ref: ingest(b), Total: b.Size, Expected: b.Digest, Data: data, Labels: b.labels,
	})
	if _, err := stream.Recv(); err != nil {
		return err
	}
	r.progress(func(p *Progress) { p.Written += b.Size })
	return nil
}

// read gives all of a blob's bytes.
func (b *blob) read(open func() (io.ReadCloser, error)) ([]byte, error) {
	source, err := open()
	if err != nil {
		return nil, err
	}
	defer source.Close()
	data := make([]byte, b.Size)
	if _, err := io.ReadFull(source, data); err != nil {
		return nil, err
	}
	// An archive may say only at the end that these are not the bytes it promised.
	if _, err := source.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

// send writes a blob by the content service's protocol: STAT opens it and tells what is there already, WRITE appends, COMMIT ends. The answers
// are not waited for one by one. From is where it began.
func (r *run) send(ctx context.Context, b *blob, resume bool, open func() (io.ReadCloser, error)) (from int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := r.blobs.Write(ctx)
	if err != nil {
		return 0, err
	}
	first := &contentapi.WriteContentRequest{Action: contentapi.WriteAction_STAT, Ref: ingest(b), Total: b.Size, Expected: b.Digest}
	if err := stream.Send(first); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return 0, err
	}
	if at := answer.Offset; resume && at <= b.Size || at == b.Size {
		from = at // all of it: another namespace has it, or had it until just now
	}
	r.progress(func(p *Progress) { p.Total -= from })

	var answers errgroup.Group
	room := make(chan struct{}, underWay)
	answers.Go(func() error {
		err := r.hear(stream, from, room)
		if err != nil {
			cancel()
		}
		return err
	})
	if err := r.pour(ctx, stream, b, from, room, open); err != nil {
		cancel()
		_ = answers.Wait() // it was we who ended it
		return from, err
	}
	return from, answers.Wait()
}

// pour sends a blob's bytes from an offset on. The error is one of the archive; where the call has ended, containerd's answer says why.
func (r *run) pour(
	ctx context.Context, stream contentapi.Content_WriteClient, b *blob, offset int64, room chan<- struct{}, open func() (io.ReadCloser, error),
) error {
	put := func(request *contentapi.WriteContentRequest) error {
		select {
		case room <- struct{}{}:
			return stream.Send(request)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if offset < b.Size {
		source, err := open()
		if err != nil {
			return &sourceError{err}
		}
		defer source.Close()
		if _, err := io.CopyN(io.Discard, source, offset); err != nil {
			return &sourceError{err}
		}
		buffer := make([]byte, min(chunk, b.Size-offset))
		for offset < b.Size {
			n, err := io.ReadFull(source, buffer[:min(int64(len(buffer)), b.Size-offset)])
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				return &sourceError{err}
			}
			request := &contentapi.WriteContentRequest{Action: contentapi.WriteAction_WRITE, Offset: offset, Data: buffer[:n]}
			if put(request) != nil {
				return nil
			}
			offset += int64(n)
		}
		// An archive may say only at the end that these are not the bytes it promised.
		if _, err := source.Read(buffer[:1]); err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
			return &sourceError{err}
		}
	}
	_ = put(&contentapi.WriteContentRequest{
		Action: contentapi.WriteAction_COMMIT, Offset: offset, Total: b.Size, Expected: b.Digest, Labels: b.labels,
	})
	return nil
}

// hear takes containerd's answers until the blob is committed.
func (r *run) hear(stream contentapi.Content_WriteClient, at int64, room <-chan struct{}) error {
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		<-room
		if answer.Offset > at {
			r.progress(func(p *Progress) { p.Written += answer.Offset - at })
			at = answer.Offset
		}
		if answer.Action == contentapi.WriteAction_COMMIT {
			return nil
		}
	}
}
