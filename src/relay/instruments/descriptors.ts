/**
 * How many descriptors (files and sockets) the process may have at once.
 *
 * Tests: test/cli/serve.test.ts
 */

/** The soft limit, which Node has raised to the hard one; undefined where the system has or tells none. */
export function descriptorLimit(): number | undefined {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const soft = report.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}
