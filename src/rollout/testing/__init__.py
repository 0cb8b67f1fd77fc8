"""What tests of rollouts need: builders, a store's conformance suite, failing filesystems, strategies.

- ``builders``: lines and whole rollouts in domain words; needs nothing beyond rollout itself.
- ``faults``: filesystems that fail, fill up or crash where a test says.
- ``conformance``: ``StoreConformance``, the contract of a store in executable form; run it with pytest.
- ``strategies`` and ``stateful``: Hypothesis strategies, and a machine that compares a store with the
  reference; these two need Hypothesis.
"""
