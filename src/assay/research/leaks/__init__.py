"""The leak prover: proofs that a pipeline does not see the future."""
