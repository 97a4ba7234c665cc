"""The radiomics features: what they are called, what they depend on, and how they are computed."""
