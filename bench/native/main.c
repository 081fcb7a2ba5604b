/**
 * Carries out one command a line of standard input:
 *
 *   load <loss> <rows> <length> <bytes of the target>   the prediction's floats and the target follow; answers "loaded"
 *   value                                               answers with the loss's value
 *   grad                                                answers with the number of its bytes, then the gradient
 *   time <milliseconds>                                 answers with the median and the quartiles of nanoseconds a call
 *
 * An answer that begins with "error" says what was wrong.
 */
#include "losses.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/** Nanoseconds: a sample is of as many calls as take this long, so that reading the clock does not count. */
#define SAMPLE 50e3
#define SAMPLES 100000

static const Named *current;
static size_t rows;
static size_t length;
static float *prediction;
static void *target;
static float *grad;
static size_t grad_bytes;

/** Whole cache lines. */
static void *array(size_t bytes) {
  void *place = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (place != NULL) memset(place, 0, bytes);
  return place;
}

static const Named *named(const char *name) {
  const Named *found = losses;
  while (found->name != NULL && strcmp(found->name, name) != 0) found++;
  return found->name == NULL ? NULL : found;
}

static const char *load(const char *line) {
  char name[64];
  size_t target_bytes;
  if (sscanf(line, "load %63s %zu %zu %zu", name, &rows, &length, &target_bytes) != 4)
    return "load takes a loss and three numbers";
  const size_t bytes = rows * length * sizeof(float);
  free(prediction);
  free(target);
  free(grad);
  current = named(name);
  grad_bytes = strcmp(name, "gaussianKl") == 0 ? 2 * bytes : bytes;
  prediction = array(bytes);
  target = array(target_bytes);
  grad = array(grad_bytes);
  if (prediction == NULL || target == NULL || grad == NULL) return "out of memory";
  if (fread(prediction, 1, bytes, stdin) < bytes || fread(target, 1, target_bytes, stdin) < target_bytes)
    return "the arrays are too short";
  return current == NULL ? "no such loss" : NULL;
}

static double run(void) {
  return current->loss(prediction, target, grad, rows, length);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e9 * time.tv_sec + time.tv_nsec;
}

/** Of a number of calls. */
static double nanoseconds(size_t calls) {
  const double start = now();
  for (size_t call = 0; call < calls; call++) run();
  return now() - start;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

/** One sample at least. */
static void time_calls(double milliseconds) {
  static double samples[SAMPLES];
  const double end = now() + 1e6 * milliseconds;
  size_t calls = 1;
  while (nanoseconds(calls) < SAMPLE) calls *= 2;
  size_t count = 0;
  do samples[count++] = nanoseconds(calls) / calls;
  while (now() < end && count < SAMPLES);
  qsort(samples, count, sizeof(double), by_size);
  printf("%.9g %.9g %.9g\n", samples[count / 2], samples[count / 4], samples[count * 3 / 4]);
}

int main(void) {
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    double milliseconds;
    if (strncmp(line, "load ", 5) == 0) {
      const char *wrong = load(line);
      if (wrong != NULL) printf("error: %s\n", wrong);
      else puts("loaded");
    } else if (current == NULL) puts("error: nothing is loaded");
    else if (strcmp(line, "value\n") == 0) printf("%.9g\n", run());
    else if (strcmp(line, "grad\n") == 0) {
      run();
      printf("%zu\n", grad_bytes);
      fwrite(grad, 1, grad_bytes, stdout);
    } else if (sscanf(line, "time %lf", &milliseconds) == 1) time_calls(milliseconds);
    else printf("error: unknown command %s", line);
    fflush(stdout);
  }
}
