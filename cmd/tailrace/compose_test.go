package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// TestComposeFile reads docker-compose.yml as compose would: the three services, Redis with AOF and without eviction,
// our DSNs pointing at them, and nothing listening beyond this machine.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docker-compose.yml"))
	require.NoError(t, err)
	var compose struct {
		Services map[string]struct {
			Image       string            `yaml:"image"`
			Build       string            `yaml:"build"`
			Command     []string          `yaml:"command"`
			Environment map[string]string `yaml:"environment"`
			Ports       []string          `yaml:"ports"`
			Volumes     []string          `yaml:"volumes"`
			DependsOn   map[string]struct {
				Condition string `yaml:"condition"`
			} `yaml:"depends_on"`
		} `yaml:"services"`
		Volumes map[string]any `yaml:"volumes"`
	}
	require.NoError(t, yaml.Unmarshal(raw, &compose))
	require.Len(t, compose.Services, 3)

	redis := strings.Join(compose.Services["redis"].Command, " ")
	require.Contains(t, redis, "--appendonly yes")
	require.Contains(t, redis, "--maxmemory-policy noeviction")
	require.Contains(t, compose.Services["clickhouse"].Image, "clickhouse/clickhouse-server:26")

	tailrace := compose.Services["tailrace"]
	require.FileExists(t, filepath.Join("..", "..", tailrace.Build, "Dockerfile"))
	require.Contains(t, tailrace.Environment["TAILRACE_WAREHOUSE"], "@clickhouse:9000")
	require.Contains(t, tailrace.Environment["TAILRACE_REDIS"], "redis://redis:6379")
	for name := range tailrace.Environment {
		require.Contains(t, []string{"TAILRACE_WAREHOUSE", "TAILRACE_REDIS", "TAILRACE_ADMIN_TOKEN"}, name)
	}
	for name, service := range compose.Services {
		for _, port := range service.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s publishes %s beyond this machine", name, port)
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if !strings.HasPrefix(source, ".") {
				require.Contains(t, compose.Volumes, source, "%s uses an undeclared volume", name)
			}
		}
	}
	for _, needed := range []string{"clickhouse", "redis"} {
		require.Equal(t, "service_healthy", tailrace.DependsOn[needed].Condition)
	}
}

// TestPackagesHaveDocs keeps the promise that a package's doc.go tells what it owns and what it must never know.
func TestPackagesHaveDocs(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	packages := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".go") {
			packages[filepath.Dir(path)] = true
		}
		return nil
	}))
	require.Greater(t, len(packages), 10)
	for dir := range packages {
		raw, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		require.NoError(t, err, "package %s has no doc.go", dir)
		require.Contains(t, string(raw), "// ", "doc.go of %s says nothing", dir)
	}
}
