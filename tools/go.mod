module github.com/regsync/regsync/tools

go 1.26
