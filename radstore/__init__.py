"""radstore: a feature store for medical-imaging radiomics."""

__version__ = "0.1.0"
