"""fusion: a Stage-2 nnU-Net that learns from CT, radiomics maps and a global vector.

It streams all three from a radstore. The verbs of the command line mirror the modules: ``plan``, ``train``,
``predict``, ``evaluate``. Nothing heavy is imported before it is used; nnunetv2 only through `fusion.nnunet`.
"""
