"""A classifier of the data's own classes, which judges samples."""

from pathlib import Path

from torchmetrics import Metric

from vaelab.evaluation.classifier import Classifier, trained_classifier
from vaelab.evaluation.subject import Subject
from vaelab.features.cnn import labelled, refuse_others

MAX_EXAMPLES = 60_000  # as conf/features/cnn.yaml has it: one classifier then serves both


def judge(subject: Subject, folder: str) -> Classifier:
    """Trained on the data's own train split, once, and kept in `folder`."""
    refuse_others(subject.data)
    x, y = labelled(subject.data, MAX_EXAMPLES)
    classifier = subject.first_alone(lambda: trained_classifier(x, y, subject.data.num_classes, Path(folder)))
    return classifier.to(subject.device)


def judged(subject: Subject, metric: Metric, num_samples: int, folder: str) -> Metric:
    """A metric of the judge's logits for samples of the prior and the labels that were asked for."""
    classifier = judge(subject, folder)
    for chunk in subject.sample_chunks(metric, num_samples):
        metric.update(classifier(subject.data.to_unit(chunk.x)), chunk.y)
    return metric
