"""A small neural network: averaged nets of one hidden layer, by Adam, on one thread."""

from typing import ClassVar

import numpy as np

from assay.kernels.compiler import FloatArray
from assay.models.dense import WINSOR_LIMIT, Dense, standardise, standardiser
from assay.models.estimator import Estimator
from assay.models.inputs import Float32Array, LabelArray

N_NETS = 6
N_HIDDEN = 8
N_EPOCHS = 3
N_STEPS_MIN = 100
BATCH_ROWS = 256
LEARNING_RATE = 0.003
DECAY = 0.03


class MLP(Estimator):
    """Nets of tanh units whose log-odds are averaged, so that one bad start counts little.

    Few small steps: where signal is a hundredth of noise, a net trained to the end forecasts
    noise. Stopped early it keeps the strongest directions, much like a strong ridge.
    """

    name: ClassVar[str] = "mlp"

    def _fit(self, x: Float32Array, y: LabelArray, weight: FloatArray) -> Dense:
        centre, scale = standardiser(x, weight)
        u = standardise(x, centre, scale)
        rate = float(weight @ y / weight.sum())
        streams = np.random.SeedSequence(self.seed).spawn(N_NETS)
        nets = [train_net(u, y, weight, np.random.default_rng(stream)) for stream in streams]
        hidden, bias, out, shift = zip(*nets, strict=True)
        self._native = (centre, scale, nets, float(np.log(rate / (1.0 - rate))))
        return Dense(
            centre=centre,
            scale=scale,
            limit=WINSOR_LIMIT,
            linear=np.zeros(x.shape[1]),
            hidden=np.concatenate(hidden),
            hidden_bias=np.concatenate(bias),
            out=np.concatenate(out) / N_NETS,
            intercept=self._native[3] + float(np.mean(shift)),
        )

    def native_p_up(self, x: Float32Array) -> FloatArray:
        """Return the probability by plain matrix algebra, net by net, shape (n_rows,)."""
        centre, scale, nets, intercept = self._native
        u = standardise(x, centre, scale)
        each = [np.tanh(u @ hidden.T + bias) @ out + shift for hidden, bias, out, shift in nets]
        z = intercept + np.mean(each, axis=0)
        return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float64)


def train_net(
    u: FloatArray, y: LabelArray, weight: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return the hidden rows, hidden biases, output weights and shift of one net.

    Parameters
    ----------
    u : float64, shape (n_rows, n_features)
        Standardised inputs.
    y : int8, shape (n_rows,)
    weight : float64, shape (n_rows,)
        Mean 1.
    rng : numpy.random.Generator

    Notes
    -----
    Log loss around the base rate, minibatches, Adam with decoupled weight decay, a step
    size that falls to zero linearly.

    References
    ----------
    Loshchilov, I., Hutter, F. (2019). Decoupled Weight Decay Regularization. ICLR.
    """
    n_rows, n_features = u.shape
    rate = float(weight @ y / weight.sum())
    prior = np.log(rate / (1.0 - rate))
    parameters = [
        rng.normal(0.0, 1.0 / np.sqrt(n_features), (N_HIDDEN, n_features)),
        np.zeros(N_HIDDEN),
        rng.normal(0.0, 0.05, N_HIDDEN),
        np.zeros(1),
    ]
    first = [np.zeros_like(parameter) for parameter in parameters]
    second = [np.zeros_like(parameter) for parameter in parameters]
    batch = min(BATCH_ROWS, n_rows)
    n_steps = max(N_STEPS_MIN, N_EPOCHS * (n_rows // batch))
    queue = np.concatenate([rng.permutation(n_rows) for _ in range(n_steps * batch // n_rows + 1)])
    for i_step in range(n_steps):
        rows = queue[i_step * batch : (i_step + 1) * batch]
        inputs, hidden = u[rows], parameters[0]
        h = np.tanh(inputs @ hidden.T + parameters[1])
        z = prior + h @ parameters[2] + parameters[3]
        error = weight[rows] * (1.0 / (1.0 + np.exp(-z)) - y[rows]) / batch
        back = np.outer(error, parameters[2]) * (1.0 - h * h)
        gradients = (back.T @ inputs, back.sum(axis=0), h.T @ error, error.sum(keepdims=True))
        pace = LEARNING_RATE * (1.0 - i_step / n_steps)
        for k, gradient in enumerate(gradients):
            first[k] += 0.1 * (gradient - first[k])
            second[k] += 0.01 * (gradient * gradient - second[k])
            size = first[k] / (1.0 - 0.9 ** (i_step + 1))
            spread = np.sqrt(second[k] / (1.0 - 0.99 ** (i_step + 1))) + 1e-8
            parameters[k] = parameters[k] - pace * (size / spread + DECAY * parameters[k])
    return parameters[0], parameters[1], parameters[2], float(parameters[3][0])
