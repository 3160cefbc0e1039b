module github.com/regsync/regsync/test/components/containerd16

go 1.26
