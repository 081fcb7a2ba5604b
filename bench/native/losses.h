/** The losses, value and gradient in one pass, reduced by the mean. */
#include <stddef.h>

/**
 * Returns the value and fills in the gradient, of `rows` rows of `length` numbers; a loss of elements takes rows · length of
 * them. The target is a float an element, or, of softmaxCrossEntropy, an int32_t a row. gaussianKl's gradient is twice as
 * long: that by the log variances follows that by the means.
 */
typedef double Loss(const float *restrict prediction, const void *restrict target, float *restrict grad, size_t rows,
                    size_t length);

typedef struct {
  const char *name;
  Loss *loss;
} Named;

/** The last has no name. */
extern const Named losses[];
